"""The words that names of columns are made of, gathered from public tables of ratings and clicks.

Words are lower case and without accents. A new word is one more word of a table.
"""

from __future__ import annotations

import unicodedata

SHORTEST_JOINED = 2  # letters of a word within a name that nothing cuts, as in ``userid``


_UNDECOMPOSED = str.maketrans({"ł": "l", "ı": "i", "ø": "o", "đ": "d", "ß": "ss", "æ": "ae"})


def without_accents(text: str) -> str:
    """Return letters without what stands above or below them, as the words here are kept."""
    return "".join(
        char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char)
    ).translate(_UNDECOMPOSED)


def _set(words: str) -> frozenset[str]:
    return frozenset(without_accents(words).split())


def _table(**rows: str) -> dict[str, int]:
    """Turn ``_100="user users"`` into word → number."""
    return {word: int(number[1:]) for number, words in rows.items() for word in _set(words)}


# What makes an id of the word before it, or after it where it is in ``LEADING_IDS``.
IDS = _set(
    "id ids key code cod codigo codice no nr num nummer numero number idx index guid uuid hash "
    "pk sk fk identifier identifiant identificador identificativo hashid sha1 md5 mbox kennung "
    "nbr ref kod ид код номер 编号 編號 番号 번호 아이디"
)
LEADING_IDS = _set(
    "id ids code cod codigo codice key identifiant identificador identificativo kennung"
)
# Said of ids and ratings, without a meaning of its own here.
NEUTRAL = _set(
    "my your the a of de del du do da di des der die le la el van het raw orig original actual "
    "true final given internal external full unique distinct main anon anonymous anonymized "
    "anonymised encoded encrypted enc hashed mapped global remapped col column field feature "
    "interactions interaction ratings reviews review events event"
)
# Tables that a query joins: their names stand before the columns', with a dot.
TABLES = _set("ratings reviews interactions events logs log plays clicks orders data train df tbl")
# Behind a name: which of two merged tables it is from, how it is encoded.
SUFFIXES = _set(
    "x y enc encoded encrypted hashed anon anonymized anonymised mapped remapped int str raw "
    "orig original new old left right"
)

# Who: the higher, the likelier. A word of 60 is somebody where there is nobody better.
USERS = _table(
    _100="user usr reviewer customer cust visitor member account client buyer listener reader "
    "player patron subscriber viewer rater consumer shopper learner student guest person people "
    "purchaser borrower gamer tourist traveler traveller voter fan critic judge annotator "
    "respondent participant panelist household worker employee applicant jobseeker patient "
    "donor attendee lender investor backer bidder tenant tester taster bettor passenger citizen "
    # German, Dutch, French, Spanish, Italian, Portuguese
    "benutzer nutzer kunde kunden mitglied leser hoerer horer spieler kaeufer kaufer besucher "
    "gebruiker klant lid bezoeker utilisateur membre lecteur acheteur abonne usuario cliente "
    "miembro lector comprador utente utenti lettore giocatore membro leitor usager "
    # Polish, Czech, Swedish, Danish, Norwegian, Finnish, Hungarian, Turkish, Indonesian
    "uzytkownik uzytkownika klient klienta uzivatel zakaznik anvandare kund bruger bruker "
    "kayttaja asiakas felhasznalo kullanici musteri pengguna pelanggan "
    # Russian, Ukrainian, Greek, Chinese, Japanese, Korean
    "пользователь клиент покупатель користувач клієнт χρηστης πελατης 用户 用戶 客户 客戶 会员 "
    "顾客 ユーザー 顧客 会員 사용자 고객 회원",
    _70="profile persona subscription",
    _60="session device cookie visit anonymous anon sesion sitzung sessie browser",
)
USER_PLURALS = _table(
    _95="users reviewers customers visitors members accounts clients buyers listeners readers "
    "players viewers raters consumers learners students guests patrons subscribers persons"
)
# Ids of users in one word, and names that stand for a user where there is no id.
USER_CODES = _table(_115="uid steamid msno", _75="uuid guid fullvisitorid clientid cid", _40="u")
# These are kinds and events where no id stands beside them.
USER_NEEDS_ID = _set("visit device browser subscription profile audience anonymous anon")
# The better they tell people apart, the higher.
USER_NAMES = _table(
    _45="email mail", _42="username login", _40="profilename nickname nick handle screenname"
)

# What: the higher, the more specific. Words of 40 hold items (a shop, a maker, a tag): they need
# an id beside them, and give way to anything else.
ITEMS = _table(
    _100="item movie film anime manga book product article news song track video clip game app "
    "application recipe restaurant business venue poi place hotel beer wine joke listing episode "
    "document doc paper citation job vacancy repo repository project photo pin ad advert "
    "advertisement coupon offer deal flight trip attraction destination dish meal drink cocktail "
    "coffee whisky whiskey tea perfume cosmetic drug medicine story novel comic fanfic fiction "
    "title exercise problem tweet thread subreddit bookmark website package library plugin fund "
    "merchandise goods commodity ware emoji sticker template font outfit garment clothing cloth "
    "shoe car vehicle house property apartment ticket puzzle toy boardgame rom theme wallpaper "
    "gif meme magazine newspaper blog gmap spot landmark park museum bar cafe pub theater theatre "
    "cinema concert charity petition beach poem quote lyric composition opera loan auction lot "
    "gift card deck skin bib thesis idea route hike trail workout plant species loc course "
    # German, Dutch, French, Spanish, Italian, Portuguese
    "artikel produkt buch spiel lied gericht rezept boek livre produit jeu chanson recette oeuvre "
    "articulo producto libro pelicula juego cancion receta articolo prodotto gioco canzone ricetta "
    "produto filme livro jogo musica artigo "
    "ksiazka ksiazki filmu produktu gry piosenka towar kniha zbozi bok vara vare kirja tuote "
    "elokuva konyv termek urun kitap buku barang "
    "фильм товар книга игра песня продукт ταινια προιον βιβλιο 商品 电影 電影 物品 产品 图书 书籍 "
    "歌曲 视频 文章 映画 書籍 アイテム 作品 영화 상품 책",
    _95="show podcast creative variant work edition lesson lecture piece",
    # What is of many kinds, or holds others.
    _90="content page post image answer question media asset object entity resource material link "
    "activity location program programme stream livestream streamer album release record stock "
    "sample sound service journal domain offering plan bundle set line level club community cause "
    "candidate exam module food company employer school university professor teacher doctor "
    "hospital clinic agency airline airport bank lounge mall supermarket gym salon",
    _85="event quiz series serie season playlist group artist band",
    _80="musician performer singer composer actor director creator",
    _70="spu style model parent sub home mod",
    _40="brand merchant seller vendor store shop retailer supplier channel publisher tag topic",
)
ITEM_PLURALS = _table(
    _95="items movies films books products articles songs tracks videos games apps recipes "
    "restaurants businesses venues pois places hotels beers wines jokes courses",
    _80="albums artists",
)
NO_ITEMS = _set("pincode postcode zipcode")
# Said before an item of which there is a plainer one: ``parent_asin`` beside ``asin``.
LESSER = _set("parent best related similar previous next last first variant")
# Words that name an item only with an id beside them: alone they are text, kinds or addresses.
ITEM_NEEDS_ID = _set(
    "title content page post event group set line level sub parent style model media stock "
    "object entity question answer quote candidate activity location spot home release record "
    "sample offering plan bundle cause community club stream link season series serie serial "
    "food program programme story house property position number nummer review creator actor "
    "director image photo domain show theme color size"
)
ITEM_CODES = _table(
    _115="asin isbn sku ean upc gtin mbid doi arxiv appid artmbid trackmbid "
    "stockcode isrc barcode plu tconst",
    _112="isbn10 isbn13 imdb tmdb tvdb",
    _85="iid vid nid pid aid mid gid url uri permalink",
    _40="i",
)
# Names of items stand for them where there is no id: ``movie_title``.
ITEM_NAMES = _set("name title description desc titel nom nombre nome titre titulo titolo")
# Such a name is of the person, or of what is done.
NO_ITEM_NAMES = _set("job title event card set line level deal offer lot skin idea route loc")
# An item on one of these is a line of it, and its id says which line.
HOLDERS = _set("order quote cart basket line lineitem invoice transaction receipt bill")

# The rating: by word. Words of one number are as good as each other: which of them is a question.
RATINGS = _table(
    _100="rating",
    _97="ratings",
    _90="rate bewertung beurteilung bewertungen beoordeling waardering cijfer valutazione "
    "valoracion calificacion puntuacion avaliacao evaluation evaluacion classificacao",
    _80="star stars score scores grade overall preference pref note nota notas voto votazione "
    "punteggio puntaje opinion mark marks sterne sterren etoiles estrellas stelle estrelas "
    "ocena hodnoceni betyg vurdering bedommelse arvosana ertekeles puan peringkat оценка рейтинг "
    "оцінка βαθμολογια 评分 評分 打分 得分 评级 評価 レーティング 평점 별점",
    _70="vote points punkte punten",
    _60="feedback sentiment relevance satisfaction enjoyment quality",
    _50="liked like label recommend recommended recommends click clicked reaction affinity "
    "strength weight count counts cnt hits visits hours quantity qty frequency freq plays "
    "playcount listens streams views clicks purchases playtime intensity engagement "
    "confidence interest thumbs upvoted voted target menge anzahl aantal quantite quantita "
    "cantidad quantidade stunden heures horas ore uren scrobbles favorite favourite bookmarked "
    "purchased bought watched",
    _45="value val units interaction implicit amount valeur valor waarde wert ilosc pocet antal "
    "maara mennyiseg adet jumlah количество кількість 数量 購入数 수량",
    _40="r",
)
# A plain word of text elsewhere: the rating only above numbers.
RATING_NEEDS_NUMBERS = _set(
    "target note nota notas mark marks opinion label quality value feedback amount reaction "
    "like liked watched bought purchased interaction interest r"
)
QUANTITIES = _set("quantity qty units menge anzahl aantal quantite quantita cantidad quantidade")
# What was done with a quantity: ``qty_ordered``.
SALES = _set("ordered sold purchased bought")
# What was done, before a count, a time or a share: ``play_count``, ``watch_ratio``, ``dwell time``.
DEEDS = _set(
    "play plays played playing watch watched watching listen listens listened listening view "
    "views viewed viewing click clicks clicked purchase purchases purchased dwell read reading "
    "visit visits checkin checkins scrobble stream streams streaming buy order orders event "
    "events interaction interactions occurrence use usage engagement consumption"
)
AMOUNTS = _set(
    "count counts times duration ratio seconds secs sec minutes mins min hours hrs frequency "
    "percent percentage pct fraction share"
)
SHARES = _set("ratio percent percentage pct fraction share")
# With these, ``time`` is how long: ``play_time``, ``time spent watching``.
LASTING = _set(
    "play playing played watch watching watched listen listening listened dwell reading "
    "streaming viewing spent"
)
# Before a rating or a count: it is of something else, or it sums up many rows.
NOT_ONES_OWN = _set(
    "num n nb no avg average mean median max min std var total sum predicted pred estimated "
    "expected imdb tmdb mpaa content age maturity critic critics metacritic rotten helpful "
    "helpfulness useful funny weighted vote votes community compliment comment comments rank "
    "credit risk seller external sales sale price order transaction invoice net gross"
)
# When: the higher, the better.
TIMES = _table(
    _100="timestamp timestamps",
    _97="ts epoch zeitstempel horodatage tijdstempel unixtime",
    _90="datetime date utc dat dt",
    _88="time at when created updated added modified",
    _85="datum fecha zeit zeitpunkt tijd tijdstip tiempo quando czas dato pvm idopont "
    "tarih zaman tanggal waktu дата время час ημερομηνια 时间 時間 日期 日時 日付 时间戳 날짜 시간",
    _60="data heure hora t",
)
# A word of something else too: the time only above what looks like times.
TIME_NEEDS_TIMES = _set("data heure hora t")
# Other words of times: of what in the row.
TIME_OF = _set(
    "unix review reviewed rating ratings rated event purchase purchased order ordered invoice "
    "transaction trans trx interaction click clicked visit visited view viewed check in checkin "
    "log logged server local posted post submitted submission utc gmt stamp record recorded "
    "request access action bought sold sale sales session last tx t comment behavior behaviour "
    "user item received of read watched played listened starred liked bid bidded booked "
    "de del della do da der des commande achat vente avis compra venta pedido orden valoracion "
    "ordine acquisto vendita voto venda avaliacao bestellung bestell kauf verkauf bewertung "
    "rechnung bestel bestelling aankoop verkoop beoordeling zamowienia zakupu oceny"
)
TIME_SUFFIXES = _set("utc gmt ms us ns sec secs s seconds millis unix iso local str")
# Times that are not of the row: of the item, of the person, or a length of time.
NEVER_THE_TIME = _set(
    "release released birth published publication publish joined registration registered signup "
    "expiry expiration expire cook cooking prep preparation running delivery shipping due zone "
    "format offset frame spent duration premiered premiere aired member account"
)
# Taken where there is no better one.
HARDLY_THE_TIME = _set(
    "start started end ended finish finished stop first retrieved upload uploaded"
)

# Words at the end of a name that is neither user, item nor rating whatever stands before them.
OTHER = _set(
    "source timeframe frame name names title titles text summary headline comment comments "
    "description desc body "
    "message author authors genre genres category categories cat subcategory department "
    "subclass aisle price prices cost discount revenue money currency age gender sex zip "
    "zipcode pin postal lat lon lng latitude longitude altitude year month day days week "
    "weekday hour minute second verified image images picture url style color colour size "
    "length width height version row rank position step country city state region province "
    "county platform status type kind mode os flag helpful useful funny cool votes fold split "
    "train test is_test language lang tags tag keywords brand occupation bio email phone ip "
    "address unnamed level index order session query parent seller merchant store channel "
    "segment cluster group timezone offset numerator denominator abv ibu calories minutes "
    "seconds ms isread read isreviewed reviewed reordered dow birthday weekofyear wday mday "
    "serial rownum rowid sequence seq"
)
_MORE = _set(
    "source traffic timeframe browser "
    " names profile reviewer stamp check in out up forever by do has is are was g plus un not "
    "parent star watch ratio play listen view dwell count steam user item last best first "
    "second mbid artist release beer book overall review num n_ avg purchase total time session "
    "invoice transaction unix basket cart visit household anonymous full good goods to from "
    "read start end finish bookmark birth spent weeks windows mac linux deck"
)
ALL_WORDS = frozenset().union(
    IDS,
    NEUTRAL,
    USERS,
    USER_PLURALS,
    USER_CODES,
    USER_NAMES,
    ITEMS,
    ITEM_PLURALS,
    ITEM_CODES,
    RATINGS,
    DEEDS,
    AMOUNTS,
    NOT_ONES_OWN,
    TIMES,
    TIME_OF,
    NEVER_THE_TIME,
    HARDLY_THE_TIME,
    LASTING,
    TIME_SUFFIXES - {"s"},
    OTHER,
    _MORE,
)
