"""Invented film names for the built-in sample."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_ADJECTIVES_TEXT = """
Amber Ancient Autumn Bitter Borrowed Bright Broken Careless Clockwork Cobalt Copper Crimson
Curious Distant Drowsy Electric Emerald Endless Faithful Famous Feral Fifth Forgotten Frozen
Gentle Gilded Golden Hidden Hollow Honest Hungry Idle Indigo Invisible Ivory Last Little Lonely
Loud Lucky Lunar Marble Midnight Modest Narrow Northern Paper Patient Quiet Reluctant Restless
Rusty Scarlet Second Secret Silent Silver Sleepless Stolen Strange Stubborn Sunken Tender Velvet
Wandering Winter
"""
_ADJECTIVES = tuple(_ADJECTIVES_TEXT.split())

_NOUNS_TEXT = """
Accordion Almanac Anchor Apprentice Archive Astronomer Balcony Barber Beekeeper Bicycle Brass
Bridge Cartographer Carousel Cathedral Chandelier Cinema Compass Comet Crossing Detective
Diplomat Echo Elevator Falcon Ferry Fiddler Fisherman Fortune Galaxy Gambler Garden Ghost
Glacier Harbour Harvest Heir Horizon Inventor Island Jury Juggler Kingdom Lantern Letter
Librarian Lighthouse Locksmith Machine Magician Map Masquerade Meadow Mirror Monsoon Museum
Neighbour Night Oath Observatory Orchard Orchestra Parade Passenger Pilot Promise Railway Recipe
Rival River Scholar Season Shadow Smuggler Snowfall Stranger Summer Tailor Telegram Theatre
Thief Tide Tower Umbrella Valley Violin Voyage Watchmaker Weather Whisper Widow Window
"""
_NOUNS = tuple(_NOUNS_TEXT.split())

_PLACES_TEXT = """
Alderport Belmaro Brindle Calder Castellane Corvane Drumlin Eastmere Elsinor Fenwick Galdera
Harrowgate Ildefon Jasperville Kestrel Larkhaven Lindholm Marrow Merrin Montequa Norrland
Oakhollow Orsino Pellworm Quillan Ravensby Rosario Saltmarsh Sandoval Selwyn Solvang Stillwater
Tamarin Thornbury Tregaron Ustinov Valmere Vesper Westerly Wolfsburgh Yarrow Zephyr
"""
_PLACES = tuple(_PLACES_TEXT.split())

_PATTERNS = (
    "The {adjective} {noun}",
    "{adjective} {noun}",
    "The {noun} of {place}",
    "{place}",
    "The {adjective} {noun} of {place}",
    "Goodbye, {place}",
    "A {noun} for {place}",
    "The {noun} and the {other}",
    "{noun} and {other}",
    "Return to {place}",
    "My {adjective} {noun}",
    "{adjective} {noun}s",
)
_FIRST_YEAR, _YEARS = 1931, 84  # up to 2014: before the first rating


def film_names(count: int, random: np.random.Generator) -> NDArray[np.str_]:
    """Return ``count`` distinct names such as "The Amber Lighthouse (1974)", (count,) unicode.

    A title that comes up again is a sequel: it gets the next number.
    """
    draws = random.integers(0, 1 << 30, (count, 4))
    years = _FIRST_YEAR + (_YEARS * np.sqrt(random.random(count))).astype(np.int64)
    taken: dict[str, int] = {}
    names = []
    for (pattern, first, second, third), year in zip(draws.tolist(), years.tolist(), strict=True):
        other = _NOUNS[third % len(_NOUNS)]
        noun = _NOUNS[second % len(_NOUNS)]
        title = _PATTERNS[pattern % len(_PATTERNS)].format(
            adjective=_ADJECTIVES[first % len(_ADJECTIVES)],
            noun=noun,
            other=other if other != noun else "Moon",
            place=_PLACES[third % len(_PLACES)],
        )
        number = taken[title] = taken.get(title, 0) + 1
        names.append(f"{title} {number} ({year})" if number > 1 else f"{title} ({year})")
    return np.array(names, dtype=np.str_)
