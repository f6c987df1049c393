"""Headers and first rows of tables that shops, services and their databases export.

Facts on how the files are laid out, with made-up values. Each entry cites what exports it.
"""

from __future__ import annotations

from tests.readers.public_tables import PublicTable


def _csv(header: str, row: str) -> str:
    return f"{header}\n{row}\n"


EXPORTS = (
    PublicTable(
        "Shopify, orders export",
        _csv(
            "Name,Email,Financial Status,Paid at,Currency,Subtotal,Total,Discount Code,Created at,"
            "Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku,Vendor,Id,Tags,Risk Level",
            "#1001,a@b.org,paid,2023-05-01 10:14:06 -0400,USD,20.0,21.0,,2023-05-01 10:13:06 -0400,"
            "2,Mug,10.0,MUG-1,Acme,4500000000,,Low",
        ),
        "user=Email item=Lineitem sku rating=Lineitem quantity time=Created at",
    ),
    PublicTable(
        "Shopify, product reviews",
        _csv(
            "title,body,rating,review_date,reviewer_name,reviewer_email,product_id,product_handle",
            "ok,fine,3,2022-01-01 10:00:00 UTC,Ann,a@b.org,70000,mug",
        ),
        "user=reviewer_email item=product_id rating=rating time=review_date",
    ),
    PublicTable(
        "WooCommerce, order lines",
        _csv(
            "order_id,order_number,date_created,status,customer_id,billing_email,product_id,"
            "product_sku,product_name,quantity,line_total",
            "900,900,2022-03-01T10:00:00,completed,17,a@b.org,500,SK1,Hat,1,19.90",
        ),
        "user=customer_id item=product_id rating=quantity time=date_created",
    ),
    PublicTable(
        "Magento, sales_order_item",
        _csv(
            "item_id,order_id,parent_item_id,quote_item_id,store_id,created_at,updated_at,"
            "product_id,product_type,weight,sku,name,qty_ordered,price,customer_id",
            "1,1,,88,1,2021-01-01 00:00:00,2021-01-01 00:00:00,40,simple,1.0,24-MB,Bag,1,34,7",
        ),
        "user=customer_id item=product_id rating=qty_ordered time=created_at",
    ),
    PublicTable(
        "Olist, order items (on Kaggle)",
        _csv(
            "order_id,order_item_id,product_id,seller_id,shipping_limit_date,price,freight_value",
            "o1,1,p1,s1,2017-09-19 09:45:35,58.90,13.29",
        ),
        question="known for the user.*for example --columns user=order_id[^=]*$",
    ),
    PublicTable(
        "Olist, reviews beside products (on Kaggle)",
        _csv(
            "customer_unique_id,product_id,review_score,review_creation_date",
            "c1,p1,4,2017-09-19 00:00:00",
        ),
        "user=customer_unique_id item=product_id rating=review_score time=review_creation_date",
    ),
    PublicTable(
        "Groceries (on Kaggle): items have a description alone",
        _csv("Member_number,Date,itemDescription", "1808,21-07-2015,tropical fruit"),
        "user=Member_number item=itemDescription time=Date",
    ),
    PublicTable(
        "TripAdvisor (on Kaggle): hotels and people by name",
        _csv("Hotel_Name,User_Name,Review_Rating,Review_Date", "Ritz,ann,4,Aug 2019"),
        "user=User_Name item=Hotel_Name rating=Review_Rating time=Review_Date",
    ),
    PublicTable(
        "MyAnimeList reviews.csv (on Kaggle)",
        _csv("profile_id,anime_uid,score,text,link", "ann,28891,8,x,https://m"),
        "user=profile_id item=anime_uid rating=score",
    ),
    PublicTable(
        "Douban movie comments (on Kaggle)",
        _csv(
            "ID,Movie_Name_EN,Movie_Name_CN,Crawl_Date,Number,Username,Date,Star,Comment,Like",
            "0,Avengers,x,2017-01-22,1,ann,2015-05-13,3,ok,2404",
        ),
        question="known for the item.*--columns item=Movie_Name_EN",
    ),
    PublicTable(
        "Skytrax airline reviews (on Kaggle)",
        _csv("id,user,airline,overall_rating,recommended", "8,ann,Delta,7,yes"),
        "user=user item=airline rating=overall_rating",
    ),
    PublicTable(
        "Expedia Hotel Recommendations, train.csv (Kaggle)",
        _csv(
            "date_time,site_name,user_location_country,user_id,is_mobile,is_package,channel,"
            "srch_ci,srch_co,srch_destination_id,is_booking,cnt,hotel_country,hotel_cluster",
            "2014-08-11 07:46:59,2,66,12,0,1,9,2014-08-27,2014-08-31,8250,0,3,50,1",
        ),
        "user=user_id item=srch_destination_id rating=cnt time=date_time",
    ),
    PublicTable(
        "Papers' way of naming columns: letters",
        _csv("u,i,r,t", "1,2,3.5,1500000000"),
        "user=u item=i rating=r time=t",
    ),
    PublicTable(
        "Letters, where the last two hold text",
        _csv("u,i,r,t", "1,2,alien,film"),
        "user=u item=i",
    ),
    PublicTable(
        "A shop in France",
        _csv(
            "Identifiant client;Référence produit;Quantité;Date de commande", "C0;R0;1;21/11/2021"
        ),
        "user=Identifiant client item=Référence produit rating=Quantité time=Date de commande",
    ),
    PublicTable(
        "A shop in Germany",
        _csv("Käufer;Artikelnummer;Menge;Bestelldatum;Preis", "K1;A1;2;21.11.2021;3,50"),
        "user=Käufer item=Artikelnummer rating=Menge time=Bestelldatum",
    ),
    PublicTable(
        "A shop in Poland",
        _csv("id_użytkownika,id_książki,ocena", "1,2,5"),
        "user=id_użytkownika item=id_książki rating=ocena",
    ),
    PublicTable(
        "A shop in Turkey",
        _csv("kullanıcı_id,ürün_id,puan,tarih", "1,2,5,2021-11-21"),
        "user=kullanıcı_id item=ürün_id rating=puan time=tarih",
    ),
    PublicTable(
        "A site in Sweden",
        _csv("användare,bok,betyg", "1,2,5"),
        "user=användare item=bok rating=betyg",
    ),
    PublicTable(
        "A site in Russia",
        _csv("пользователь;фильм;рейтинг;дата", "u1;i1;5;2021-11-21"),
        "user=пользователь item=фильм rating=рейтинг time=дата",
    ),
    PublicTable(
        "A site in China",
        _csv("用户ID,商品编号,评分,时间", "1,2,5,2021-11-21"),
        "user=用户ID item=商品编号 rating=评分 time=时间",
    ),
    PublicTable(
        "A site in Japan",
        _csv("ユーザーID,商品ID,評価,日付", "1,2,5,2021-11-21"),
        "user=ユーザーID item=商品ID rating=評価 time=日付",
    ),
    PublicTable(
        "A site in Korea",
        _csv("사용자,영화,평점,날짜", "1,2,5,2021-11-21"),
        "user=사용자 item=영화 rating=평점 time=날짜",
    ),
    PublicTable(
        "Letterboxd, the export of one person",
        _csv("Date,Name,Year,Letterboxd URI,Rating", "2020-01-01,Alien,1979,https://boxd.it/1,4"),
        question="known for the user",
    ),
    PublicTable(
        "Last.fm, the export of one person",
        _csv("uts,utc_time,artist,album,track", '1500000000,"14 Jul 2017, 02:40",A,B,T'),
        question="known for the user.*of one person",
    ),
    PublicTable(
        "XuetangX MOOC actions (SNAP): four columns of numbers are no wide table",
        _csv("ACTIONID\tUSERID\tTARGETID\tTIMESTAMP", "0\t1\t2\t3.0"),
        question="known for the item.*(?<!melt\\))$",
    ),
)
