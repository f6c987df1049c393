"""Headers and first rows of public files of ratings, clicks and purchases, and what they mean.

Facts on how the files are laid out, with made-up values; not a copy of any of them. Each entry
cites the data set. ``roles``: role → column, as ``mfcli fetch`` should take them. ``question``:
what the refusal has to say where the file does not say what is what.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PublicTable:
    """One file: who published it, how it begins, and what it means."""

    cite: str
    text: str
    roles: str = ""
    question: str = ""


def _rows(*lines: str) -> str:
    return "".join(f"{line}\n" for line in lines)


TABLES = (
    PublicTable(
        "MovieLens 100K, u.data (GroupLens)",
        _rows("196\t242\t3\t881250949", "186\t302\t3\t891717742", "22\t377\t1\t878887116"),
        "user=1 item=2 rating=3 time=4",
    ),
    PublicTable(
        "MovieLens 1M, ratings.dat (GroupLens)",
        _rows("1::1193::5::978300760", "1::661::3::978302109", "2::1193::4::978298413"),
        "user=1 item=2 rating=3 time=4",
    ),
    PublicTable(
        "MovieLens 25M, ratings.csv (GroupLens)",
        _rows("userId,movieId,rating,timestamp", "1,296,5.0,1147880044", "1,306,3.5,1147868817"),
        "user=userId item=movieId rating=rating time=timestamp",
    ),
    PublicTable(
        "MovieLens latest, tags.csv (GroupLens)",
        _rows("userId,movieId,tag,timestamp", "2,60756,funny,1445714994", "3,7,dark,1445714996"),
        "user=userId item=movieId time=timestamp",
    ),
    PublicTable(
        "HetRec 2011 MovieLens, user_ratedmovies.dat (IRLAB UAM)",
        _rows(
            "userID\tmovieID\trating\tdate_day\tdate_month\tdate_year\tdate_hour\tdate_minute"
            "\tdate_second",
            "75\t3\t1\t29\t10\t2006\t23\t17\t16",
            "75\t32\t4.5\t29\t10\t2006\t23\t23\t44",
        ),
        "user=userID item=movieID rating=rating",
    ),
    PublicTable(
        "HetRec 2011 Last.fm, user_artists.dat (IRLAB UAM)",
        _rows("userID\tartistID\tweight", "2\t51\t13883", "2\t52\t11690"),
        "user=userID item=artistID rating=weight",
    ),
    PublicTable(
        "HetRec 2011 Last.fm, user_taggedartists-timestamps.dat (IRLAB UAM)",
        _rows("userID\tartistID\ttagID\ttimestamp", "2\t52\t13\t1238536800000"),
        "user=userID item=artistID time=timestamp",
    ),
    PublicTable(
        "HetRec 2011 Delicious, user_taggedbookmarks-timestamps.dat (IRLAB UAM)",
        _rows("userID\tbookmarkID\ttagID\ttimestamp", "8\t1\t1\t1289255362000"),
        "user=userID item=bookmarkID time=timestamp",
    ),
    PublicTable(
        "Book-Crossing, BX-Book-Ratings.csv (Cai-Nicolas Ziegler)",
        _rows('"User-ID";"ISBN";"Book-Rating"', '"276725";"034545104X";"0"'),
        "user=User-ID item=ISBN rating=Book-Rating",
    ),
    PublicTable(
        "Goodreads, goodreads_interactions.csv (UCSD Book Graph)",
        _rows("user_id,book_id,is_read,rating,is_reviewed", "0,948,1,5,0", "0,947,1,4,1"),
        "user=user_id item=book_id rating=rating",
    ),
    PublicTable(
        "Goodreads, goodreads_reviews.json (UCSD Book Graph)",
        _rows(
            '{"user_id": "8842a", "book_id": "24375664", "review_id": "5cd41", "rating": 5, '
            '"review_text": "Fine", "date_added": "Fri Aug 25 13:55:02 -0700 2017", '
            '"date_updated": "Mon Oct 09 08:55:59 -0700 2017", '
            '"read_at": "Sat Oct 07 00:00:00 -0700 2017", '
            '"started_at": "Sat Aug 26 00:00:00 -0700 2017", "n_votes": 16, "n_comments": 0}'
        ),
        "user=user_id item=book_id rating=rating time=date_added",
    ),
    PublicTable(
        "goodbooks-10k, ratings.csv (Zygmunt Zajac)",
        _rows("user_id,book_id,rating", "1,258,5", "2,4081,4"),
        "user=user_id item=book_id rating=rating",
    ),
    PublicTable(
        "goodbooks-10k, to_read.csv (Zygmunt Zajac)",
        _rows("user_id,book_id", "9,8", "15,398"),
        "user=user_id item=book_id",
    ),
    PublicTable(
        "Amazon reviews 2014, reviews_Books.json (McAuley)",
        _rows(
            '{"reviewerID": "A2SU", "asin": "000100", "reviewerName": "J. M.", "helpful": [2, 3], '
            '"reviewText": "Good", "overall": 5.0, "summary": "Yes", '
            '"unixReviewTime": 1252800000, "reviewTime": "09 13, 2009"}'
        ),
        "user=reviewerID item=asin rating=overall time=unixReviewTime",
    ),
    PublicTable(
        "Amazon reviews 2014, ratings_Beauty.csv on Kaggle (McAuley)",
        _rows("UserId,ProductId,Rating,Timestamp", "A39HT,0205616461,5.0,1369699200"),
        "user=UserId item=ProductId rating=Rating time=Timestamp",
    ),
    PublicTable(
        "Amazon reviews 2014, ratings_Books.csv without a header (McAuley)",
        _rows(
            "AH2L9G3DQHHAJ,0000000116,4.0,1019865600", "A2IIIDRK3PRRZY,0000000116,1.0,1395619200"
        ),
        "user=1 item=2 rating=3 time=4",
    ),
    PublicTable(
        "Amazon reviews 2018, Gift_Cards.json (Ni, McAuley)",
        _rows(
            '{"overall": 5.0, "vote": "25", "verified": false, "reviewTime": "12 19, 2008", '
            '"reviewerID": "APV1", "asin": "B001", "style": {"a": "b"}, "reviewerName": "L", '
            '"reviewText": "x", "summary": "y", "unixReviewTime": 1229644800}'
        ),
        "user=reviewerID item=asin rating=overall time=unixReviewTime",
    ),
    PublicTable(
        "Amazon reviews 2023, All_Beauty.jsonl (Hou, McAuley)",
        _rows(
            '{"rating": 5.0, "title": "Fine", "text": "x", "images": [], "asin": "B00Y", '
            '"parent_asin": "B00Y", "user_id": "AGKH", "timestamp": 1588687728923, '
            '"helpful_vote": 0, "verified_purchase": true}'
        ),
        "user=user_id item=asin rating=rating time=timestamp",
    ),
    PublicTable(
        "Amazon reviews 2023, benchmark 5core csv (Hou, McAuley)",
        _rows("user_id,parent_asin,rating,timestamp", "AFKZ,B07J,5.0,1550075298000"),
        "user=user_id item=parent_asin rating=rating time=timestamp",
    ),
    PublicTable(
        "Amazon Customer Reviews, amazon_reviews_us_Books.tsv (AWS)",
        _rows(
            "marketplace\tcustomer_id\treview_id\tproduct_id\tproduct_parent\tproduct_title"
            "\tproduct_category\tstar_rating\thelpful_votes\ttotal_votes\tvine\tverified_purchase"
            "\treview_headline\treview_body\treview_date",
            "US\t257\tR1\t0439\t1234\tHarry\tBooks\t5\t0\t1\tN\tY\tGood\tFine\t2015-08-31",
        ),
        "user=customer_id item=product_id rating=star_rating time=review_date",
    ),
    PublicTable(
        "Amazon Fine Food Reviews, Reviews.csv (McAuley, on Kaggle)",
        _rows(
            "Id,ProductId,UserId,ProfileName,HelpfulnessNumerator,HelpfulnessDenominator,Score,"
            "Time,Summary,Text",
            "1,B001E4,A3SGX,delmartian,1,1,5,1303862400,Good,Fine",
        ),
        "user=UserId item=ProductId rating=Score time=Time",
    ),
    PublicTable(
        "Consumer Reviews of Amazon Products (Datafiniti)",
        _rows(
            "asins,brand,reviews.date,reviews.doRecommend,reviews.numHelpful,reviews.rating,"
            "reviews.text,reviews.title,reviews.username,weight",
            "B018,Amazon,2017-01-13T00:00:00.000Z,TRUE,0,5,Good,Kindle,Adapter,205 grams",
        ),
        question="item.*asins",
    ),
    PublicTable(
        "Yelp Open Dataset, review.json",
        _rows(
            '{"review_id": "KU_O", "user_id": "mh_-", "business_id": "XQfw", "stars": 3.0, '
            '"useful": 0, "funny": 0, "cool": 0, "text": "x", "date": "2018-07-07 22:09:11"}'
        ),
        "user=user_id item=business_id rating=stars time=date",
    ),
    PublicTable(
        "Yelp Open Dataset, tip.json",
        _rows(
            '{"user_id": "AGNU", "business_id": "3uLg", "text": "x", '
            '"date": "2012-05-18 02:17:21", "compliment_count": 0}'
        ),
        "user=user_id item=business_id time=date",
    ),
    PublicTable(
        "Yahoo! R3, ydata-ymusic-rating-study-v1_0-train.txt",
        _rows("1\t14\t5", "1\t35\t1", "2\t46\t1"),
        "user=1 item=2 rating=3",
    ),
    PublicTable(
        "Jester, jester-data-1.xls saved as CSV: a row a user, a column a joke (Goldberg)",
        _rows(
            "74,-7.82,8.79,-9.66,-8.16,-7.52",
            "100,4.08,-0.29,6.36,4.37,-2.38",
            "49,99,99,99,99,9.03",
        ),
        question="6 columns without names.*melt",
    ),
    PublicTable(
        "Jester on Kaggle, UserRatings1.csv: a row a joke, a column a user",
        _rows("JokeId,User1,User2,User3", "0,5.1,-8.79,-3.5", "1,4.9,-0.87,-2.91"),
        question="the user could be User1, User2 or User3.*melt",
    ),
    PublicTable(
        "Epinions, ratings_data.txt (Massa)",
        _rows("1 100 4", "1 101 5", "2 100 3"),
        "user=1 item=2 rating=3",
    ),
    PublicTable(
        "FilmTrust, ratings.txt (Guo)",
        _rows("1 1 2.0", "1 2 4.0", "2 1 3.5"),
        "user=1 item=2 rating=3",
    ),
    PublicTable(
        "CiaoDVD, movie-ratings.txt (Guo)",
        _rows("1,1,17,1,5,2013-03-10", "2,2,17,2,4,2013-03-04"),
        question="6 columns without names",
    ),
    PublicTable(
        "Last.fm 360K, usersha1-artmbid-artname-plays.tsv (Celma)",
        _rows(
            "00000c28\t3bd73256\tbetty blowtorch\t2137",
            "00000c28\tf2fb0ff0\tdie aerzte\t1099",
            "00001411\tb3ae82c2\tmelissa\t897",
        ),
        question="no header.*column 3 holds text",
    ),
    PublicTable(
        "Last.fm 1K, userid-timestamp-artid-artname-traid-traname.tsv (Celma)",
        _rows(
            "user_000001\t2009-05-04T23:08:57Z\tf1b1\tDeep Dish\t\tFuck Me",
            "user_000001\t2009-05-04T13:54:10Z\ta7f7\tMusica\t\tComposition",
        ),
        question="6 columns without names",
    ),
    PublicTable(
        "Million Song Dataset, train_triplets.txt (Echo Nest taste profile)",
        _rows("b80344d0\tSOAKIMP12A8C130995\t1", "b80344d0\tSOAPDEY12A81C210A9\t2"),
        "user=1 item=2 rating=3",
    ),
    PublicTable(
        "Steam, steam-200k.csv (Tamber, on Kaggle)",
        _rows("1516,Skyrim,purchase,1.0,0", "1516,Skyrim,play,273.0,0"),
        question="5 columns without names",
    ),
    PublicTable(
        "Steam Web API, GetOwnedGames as a table (O'Neill et al. 2016, Games_2)",
        _rows(
            "steamid,appid,playtime_2weeks,playtime_forever,dateretrieved",
            "76561197960265729,10,0,32,2013-06-06 20:00:44",
        ),
        "user=steamid item=appid rating=playtime_forever time=dateretrieved",
    ),
    PublicTable(
        "Steam reviews, steam_reviews.json (Kang, McAuley) as strict JSON",
        _rows(
            '{"username": "Chaos", "hours": 4.1, "products": 41, "product_id": "328100", '
            '"page_order": 0, "date": "2017-12-17", "text": "x", "early_access": false, "page": 1}'
        ),
        "user=username item=product_id rating=hours time=date",
    ),
    PublicTable(
        "Game Recommendations on Steam, recommendations.csv (Kozyriev, on Kaggle)",
        _rows(
            "app_id,helpful,funny,date,is_recommended,hours,user_id,review_id",
            "975370,0,0,2022-12-12,true,36.3,51580,0",
        ),
        question="the rating could be is_recommended or hours",
    ),
    PublicTable(
        "Anime Recommendations Database, rating.csv (CooperUnion, MyAnimeList)",
        _rows("user_id,anime_id,rating", "1,20,-1", "3,20,8"),
        "user=user_id item=anime_id rating=rating",
    ),
    PublicTable(
        "MyAnimeList Dataset, UserAnimeList.csv (Racinsky)",
        _rows(
            "username,anime_id,my_watched_episodes,my_start_date,my_finish_date,my_score,my_status,"
            "my_rewatching,my_rewatching_ep,my_last_updated,my_tags",
            "karthiga,21,586,0000-00-00,0000-00-00,9,1,,0,1362307973,",
        ),
        "user=username item=anime_id rating=my_score time=my_last_updated",
    ),
    PublicTable(
        "Anime Dataset 2023, users-score-2023.csv (Sajid, on Kaggle)",
        _rows("user_id,Username,anime_id,Anime Title,rating", "1,Xinil,21,One Piece,9"),
        "user=user_id item=anime_id rating=rating",
    ),
    PublicTable(
        "MovieTweetings, ratings.dat (Dooms)",
        _rows("1::0114508::8::1381006850", "2::0499549::9::1376753198"),
        "user=1 item=2 rating=3 time=4",
    ),
    PublicTable(
        "Food.com, RAW_interactions.csv (Majumder, McAuley)",
        _rows("user_id,recipe_id,date,rating,review", "38094,40893,2003-02-17,4,Great"),
        "user=user_id item=recipe_id rating=rating time=date",
    ),
    PublicTable(
        "Food.com, interactions_train.csv (Majumder, McAuley)",
        _rows("user_id,recipe_id,date,rating,u,i", "2046,4684,2000-02-25,5.0,22095,44367"),
        "user=user_id item=recipe_id rating=rating time=date",
    ),
    PublicTable(
        "BeerAdvocate, beer_reviews.csv (McAuley)",
        _rows(
            "brewery_id,brewery_name,review_time,review_overall,review_aroma,review_appearance,"
            "review_profilename,beer_style,review_palate,review_taste,beer_name,beer_abv,"
            "beer_beerid",
            "10325,Vecchio,1234817823,1.5,2,2.5,stcules,Hefe,1.5,1.5,Sausa,5.0,47986",
        ),
        "user=review_profilename item=beer_beerid rating=review_overall time=review_time",
    ),
    PublicTable(
        "RateBeer, ratebeer.json (McAuley) as strict JSON",
        _rows(
            '{"beer/name": "John", "beer/beerId": "63836", "beer/brewerId": "8481", '
            '"beer/ABV": "5", "beer/style": "Ale", "review/appearance": "4/5", '
            '"review/overall": "13/20", "review/time": "1157587200", '
            '"review/profileName": "hopdog", "review/text": "x"}'
        ),
        "user=review/profileName item=beer/beerId rating=review/overall time=review/time",
    ),
    PublicTable(
        "Retailrocket, events.csv",
        _rows(
            "timestamp,visitorid,event,itemid,transactionid", "1433221332117,257597,view,355908,"
        ),
        "user=visitorid item=itemid time=timestamp",
    ),
    PublicTable(
        "YooChoose, yoochoose-clicks.dat (RecSys Challenge 2015)",
        _rows("1,2014-04-07T10:51:09.277Z,214536502,0", "1,2014-04-07T10:54:09.868Z,214536500,0"),
        question="no header.*column 2 holds dates",
    ),
    PublicTable(
        "Diginetica, train-item-views.csv (CIKM Cup 2016)",
        _rows("sessionId;userId;itemId;timeframe;eventdate", "1;77;81766;526309;2016-05-09"),
        "user=userId item=itemId time=eventdate",
    ),
    PublicTable(
        "H&M Personalized Fashion, transactions_train.csv (Kaggle)",
        _rows(
            "t_dat,customer_id,article_id,price,sales_channel_id",
            "2018-09-20,000058,0663713001,0.0508,2",
        ),
        "user=customer_id item=article_id time=t_dat",
    ),
    PublicTable(
        "Instacart, order_products__train.csv",
        _rows("order_id,product_id,add_to_cart_order,reordered", "1,49302,1,1", "1,11109,2,1"),
        question="known for the user.*order_id, product_id",
    ),
    PublicTable(
        "Online Retail (UCI, Chen)",
        _rows(
            "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country",
            "536365,85123A,WHITE HOLDER,6,2010-12-01 08:26:00,2.55,17850,United Kingdom",
        ),
        "user=CustomerID item=StockCode rating=Quantity time=InvoiceDate",
    ),
    PublicTable(
        "Online Retail II (UCI, Chen)",
        _rows(
            "Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country",
            "489434,85048,LIGHTS,12,2009-12-01 07:45:00,6.95,13085,United Kingdom",
        ),
        "user=Customer ID item=StockCode rating=Quantity time=InvoiceDate",
    ),
    PublicTable(
        "MIND, behaviors.tsv (Microsoft)",
        _rows(
            "1\tU13740\t11/11/2019 9:05:58 AM\tN55189 N42782\tN55689-1 N35729-0",
            "2\tU91836\t11/12/2019 6:11:30 PM\tN31739 N6072\tN20678-0 N39317-0",
        ),
        question="5 columns without names",
    ),
    PublicTable(
        "KuaiRec, big_matrix.csv (Gao et al. 2022)",
        _rows(
            "user_id,video_id,play_duration,video_duration,time,date,timestamp,watch_ratio",
            "0,3649,13838,10867,2020-07-05 00:08:23.438,20200705,1593878903.438,1.273397",
        ),
        "user=user_id item=video_id rating=watch_ratio time=timestamp",
    ),
    PublicTable(
        "KuaiRand, log_standard.csv (Gao et al. 2022)",
        _rows(
            "user_id,video_id,date,hourmin,time_ms,is_click,is_like,is_follow,is_comment,"
            "is_forward,is_hate,long_view,play_time_ms,duration_ms",
            "0,43,20220408,200,1649347201023,1,0,0,0,0,0,1,12000,13000",
        ),
        question="the rating could be is_click",
    ),
    PublicTable(
        "Gowalla, loc-gowalla_totalCheckins.txt (SNAP)",
        _rows(
            "0\t2010-10-19T23:55:27Z\t30.23\t-97.79\t22847",
            "0\t2010-10-18T22:17:43Z\t30.26\t-97.76\t420315",
        ),
        question="5 columns without names",
    ),
    PublicTable(
        "Foursquare, dataset_TSMC2014_NYC.csv (Yang)",
        _rows(
            "userId,venueId,venueCategoryId,venueCategory,latitude,longitude,timezoneOffset,"
            "utcTimestamp",
            "470,49bb,4bf5,Arts Store,40.7,-74.0,-240,Tue Apr 03 18:00:09 +0000 2012",
        ),
        "user=userId item=venueId time=utcTimestamp",
    ),
    PublicTable(
        "Ta-Feng Grocery (ACM RecSys, on Kaggle)",
        _rows(
            "TRANSACTION_DT,CUSTOMER_ID,AGE_GROUP,PIN_CODE,PRODUCT_SUBCLASS,PRODUCT_ID,AMOUNT,"
            "ASSET,SALES_PRICE",
            "11/1/2000,1104905,45-49,115,110411,4710199010372,2,24,30",
        ),
        "user=CUSTOMER_ID item=PRODUCT_ID rating=AMOUNT time=TRANSACTION_DT",
    ),
    PublicTable(
        "The Complete Journey, transaction_data.csv (dunnhumby)",
        _rows(
            "household_key,BASKET_ID,DAY,PRODUCT_ID,QUANTITY,SALES_VALUE,STORE_ID,RETAIL_DISC,"
            "TRANS_TIME,WEEK_NO,COUPON_DISC,COUPON_MATCH_DISC",
            "2375,26984851472,1,1004906,1,1.39,364,-0.6,1631,1,0,0",
        ),
        "user=household_key item=PRODUCT_ID rating=QUANTITY time=TRANS_TIME",
    ),
    PublicTable(
        "LibraryThing, reviews.json (Cai, McAuley) as strict JSON",
        _rows(
            '{"work": "3206242", "flags": [], "unixtime": 1194393600, "stars": 5.0, '
            '"nhelpful": 0, "time": "Nov 7, 2007", "comment": "x", "user": "van_stef"}'
        ),
        "user=user item=work rating=stars time=unixtime",
    ),
    PublicTable(
        "ModCloth, df_modcloth.csv (Wan, McAuley)",
        _rows(
            "item_id,user_id,rating,timestamp,size,fit,user_attr,model_attr,category,brand,year,"
            "split",
            "7443,Alex,4,2010-01-21 08:00:00+00:00,,,Small,Small,Dresses,,2012,0",
        ),
        "user=user_id item=item_id rating=rating time=timestamp",
    ),
    PublicTable(
        "RentTheRunway, renttherunway_final_data.json (Misra, McAuley)",
        _rows(
            '{"fit": "fit", "user_id": "420272", "bust size": "34d", "item_id": "2260466", '
            '"weight": "137lbs", "rating": "10", "rented for": "vacation", "review_text": "x", '
            '"body type": "hourglass", "category": "romper", "height": "5\' 8", "size": 14, '
            '"age": "28", "review_date": "April 20, 2016"}'
        ),
        "user=user_id item=item_id rating=rating time=review_date",
    ),
    PublicTable(
        "Google Local 2021, review-Vermont.json (Li, McAuley)",
        _rows(
            '{"user_id": "1184", "name": "Ann", "time": 1620085852324, "rating": 5, "text": "x", '
            '"pics": null, "resp": null, "gmap_id": "0x89"}'
        ),
        "user=user_id item=gmap_id rating=rating time=time",
    ),
    PublicTable(
        "Google Local 2018, reviews.clean.json (He, McAuley) as strict JSON",
        _rows(
            '{"rating": 3.0, "reviewerName": "an", "reviewText": "x", "categories": ["A"], '
            '"gPlusPlaceId": "108103", "unixReviewTime": 1372686659, '
            '"reviewTime": "Jul 1, 2013", "gPlusUserId": "100000"}'
        ),
        "user=gPlusUserId item=gPlusPlaceId rating=rating time=unixReviewTime",
    ),
    PublicTable(
        "Twitch, 100k_a.csv (Rappaz)",
        _rows("1,33842865744,mithrain,154,156", "1,33846768288,alptv,166,169"),
        question="5 columns without names",
    ),
    PublicTable(
        "XING, interactions.csv (RecSys Challenge 2017)",
        _rows(
            "recsyschallenge_v2017_interactions_final_anonym_training_export.user_id\t"
            "recsyschallenge_v2017_interactions_final_anonym_training_export.item_id\t"
            "recsyschallenge_v2017_interactions_final_anonym_training_export.interaction_type\t"
            "recsyschallenge_v2017_interactions_final_anonym_training_export.created_at",
            "1\t2\t0\t1486123456",
        ),
        "user=recsyschallenge_v2017_interactions_final_anonym_training_export.user_id "
        "item=recsyschallenge_v2017_interactions_final_anonym_training_export.item_id "
        "time=recsyschallenge_v2017_interactions_final_anonym_training_export.created_at",
    ),
    PublicTable(
        "Outbrain Click Prediction, page_views.csv (Kaggle)",
        _rows(
            "uuid,document_id,timestamp,platform,geo_location,traffic_source",
            "1fd5f051fba643,120,31905835,1,RS,2",
        ),
        "user=uuid item=document_id time=timestamp",
    ),
    PublicTable(
        "Tmall repeat buyers, user_log_format1.csv (IJCAI 2015)",
        _rows(
            "user_id,item_id,cat_id,seller_id,brand_id,time_stamp,action_type",
            "328862,323294,833,2882,2661,0829,0",
        ),
        "user=user_id item=item_id time=time_stamp",
    ),
    PublicTable(
        "Tmall repeat buyers, train_format1.csv (IJCAI 2015)",
        _rows("user_id,merchant_id,label", "34176,3906,0", "34176,121,1"),
        "user=user_id item=merchant_id rating=label",
    ),
    PublicTable(
        "UserBehavior.csv (Taobao, Alibaba)",
        _rows("1,2268318,2520377,pv,1511544070", "1,2333346,2520771,pv,1511561733"),
        question="5 columns without names",
    ),
    PublicTable(
        "eCommerce behavior data, 2019-Oct.csv (REES46)",
        _rows(
            "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,"
            "user_session",
            "2019-10-01 00:00:00 UTC,view,44600062,2103,,shiseido,35.79,541312140,72d",
        ),
        "user=user_id item=product_id time=event_time",
    ),
    PublicTable(
        "KKBox Music Recommendation, train.csv (WSDM Cup 2018)",
        _rows(
            "msno,song_id,source_system_tab,source_screen_name,source_type,target",
            "FGtl,BBzu,explore,Explore,online-playlist,1",
        ),
        "user=msno item=song_id rating=target",
    ),
    PublicTable(
        "Airbnb, reviews.csv (Inside Airbnb)",
        _rows(
            "listing_id,id,date,reviewer_id,reviewer_name,comments",
            "2818,1191,2009-03-30,10952,Lam,Nice",
        ),
        "user=reviewer_id item=listing_id time=date",
    ),
    PublicTable(
        "BoardGameGeek, bgg-15m-reviews.csv (van Elteren, on Kaggle)",
        _rows(",user,rating,comment,ID,name", "0,Torsten,10.0,,30549,Pandemic"),
        question="known for the item.*user, rating, comment, ID, name",
    ),
    PublicTable(
        "Letterboxd ratings, ratings_export.csv (Learner, on Kaggle)",
        _rows("_id,movie_id,rating_val,user_id", "5fc57,feast-2014,7,deathproof"),
        "user=user_id item=movie_id rating=rating_val",
    ),
    PublicTable(
        "Restaurant & consumer data, rating_final.csv (UCI)",
        _rows("userID,placeID,rating,food_rating,service_rating", "U1077,135085,2,2,2"),
        "user=userID item=placeID rating=rating",
    ),
    PublicTable(
        "CI&T Deskdrop, users_interactions.csv (Kaggle)",
        _rows(
            "timestamp,eventType,contentId,personId,sessionId,userAgent,userRegion,userCountry",
            "1465413032,VIEW,-3499919498720038879,-8845298781299428018,126,,,",
        ),
        "user=personId item=contentId time=timestamp",
    ),
    PublicTable(
        "Last.fm users, lastfm_data.csv (Kaggle)",
        _rows(
            ",Username,Artist,Track,Album,Date,Time",
            "0,Babs_05,Isobel,The One,Album,31 Jan 2021,23:36",
        ),
        "user=Username item=Track time=Date",
    ),
    PublicTable(
        "Spotify playlists, spotify_dataset.csv (Pichl)",
        _rows('"user_id", "artistname", "trackname"', '"9cc0", "Elvis", "The Angels"'),
        "user=user_id item=trackname",
    ),
    PublicTable(
        "Netflix Prize in one table (Kaggle)",
        _rows("CustId,Rating,Date,MovieId", "1488844,3,2005-09-06,1"),
        "user=CustId item=MovieId rating=Rating time=Date",
    ),
)
