"""What is in any file or folder that mfcli wrote, found by how it begins and by what it holds.

kinds      which file is what, and who describes it
folders    splits, parts, exports, runs, generations, folders of nights
arrays     interactions, models, interrupted trainings
lists      tables of lists, scores, vectors, changes, metrics by user
trainings  histories, lists of trials, settings
documents  metrics, manifests, the status of the last night
logs       logs, figures for Prometheus, reports
found      what is said of a file
"""
