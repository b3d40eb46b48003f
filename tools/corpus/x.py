"""Deliveries of X: payloads of both activity products and of API v2, after the provider's documented shapes, each with
the reading that its maker wrote down. Our account is 1114, `@brand`."""

import json

from common import write

MENTION = {"screen_name": "Brand", "name": "Brand", "id": 1114, "id_str": "1114", "indices": [0, 6]}
BUDI = {"id": 42, "id_str": "42", "name": "Budi", "screen_name": "budi", "verified": False, "followers_count": 20}
OURS = {"id": 1114, "id_str": "1114", "name": "Brand", "screen_name": "Brand"}


def old(id="100", text="@Brand halo", mentions=(MENTION,), user=BUDI, **more):
    """A post of the old product."""
    return {"created_at": "Sat Nov 28 05:30:03 +0000 2020", "id": int(id), "id_str": id, "text": text, "user": user,
            "entities": {"user_mentions": list(mentions)}, "lang": "in", "timestamp_ms": "1606541403440"} | more


def aaa(*posts, account="1114", kind="tweet_create_events", **more):
    return {"for_user_id": account, kind: list(posts)} | more


def v2(id="200", text="@Brand halo", mentions=("Brand",), author="42", **more):
    """A post of API v2."""
    entities = {"mentions": [{"start": 0, "end": 6, "username": m, "id": "1114"} for m in mentions]}
    return {"id": id, "author_id": author, "text": text, "created_at": "2026-07-24T21:23:23.000Z", "lang": "in",
            "conversation_id": id, "edit_history_tweet_ids": [id], "entities": entities} | more


USERS = [{"id": "42", "username": "Budi", "name": "Budi S", "verified": True, "verified_type": "blue",
          "public_metrics": {"followers_count": 97}}]


def xaa(kind, payload, account="1114", users=USERS):
    return {"data": {"event_uuid": "-17", "filter": {"user_id": account}, "event_type": kind, "tag": "t",
                     "payload": payload}, "includes": {"users": users}}


def page(*posts, **more):
    return {"data": list(posts), "includes": {"users": USERS}, "meta": {"result_count": len(posts)}} | more


def dm(id="900", sender="42", recipient="1114", text="halo", **data):
    return {"type": "message_create", "id": id, "created_timestamp": "1606541403440", "message_create": {
        "target": {"recipient_id": recipient}, "sender_id": sender, "message_data": {"text": text} | data}}


def is_message(**fields):
    return {"message": fields}


def ignored(reason):
    return {"ignored": reason}


def poison(reason):
    return {"poison": reason}


NOT_US = ignored("neither mentions nor answers us")
OWN = ignored("our own post")


def old_product():
    long = "@Brand " + "sangat panjang " * 20
    quoted = {"quoted_status_id_str": "90", "is_quote_status": True,
              "quoted_status": old("90", "Promo", (), OURS)}
    yield "aaa-boolean-block", aaa(old(), user_has_blocked=False), [is_message(
        source_id="100", account="brand", author="42", text="@Brand halo", from_name="Budi", from_address="budi")]
    yield "aaa-long", aaa(old(text="@Brand sangat… https://t.co/x", truncated=True, extended_tweet={
        "full_text": long, "entities": {"user_mentions": [MENTION]}})), [is_message(full_text=long)]
    yield "aaa-escaped", aaa(old(text="@Brand A &amp; B &lt;3 &amp;lt;")), [is_message(text="@Brand A & B <3 &lt;")]
    yield "aaa-answers-us", aaa(old("101", "sudah", (), in_reply_to_status_id_str="99", in_reply_to_user_id_str="1114")), [
        is_message(joins=["99"], source_id="101", facts_include={"is_reply": True})]
    yield "aaa-answers-a-customer", aaa(old("102", "@siti sama", (), in_reply_to_status_id_str="98",
                                            in_reply_to_user_id_str="43")), [NOT_US]
    yield "aaa-quotes-us", aaa(old("103", "masih begini juga", (), **quoted)), [
        is_message(source_id="103", account="brand", joins=["90"], facts_include={"is_quote": True})]
    yield "aaa-quotes-another", aaa(old("104", "lihat ini", (), quoted_status_id_str="91", quoted_status=old(
        "91", "x", (), BUDI))), [NOT_US]
    yield "aaa-quotes-and-mentions", aaa(old("105", "@Brand cek", **quoted)), [
        is_message(joins=["90"], facts_include={"is_quote": True, "mentions": ["brand"]})]
    yield "aaa-repost-by-text", aaa(old(text="RT @Brand: promo")), [ignored("repost")]
    yield "aaa-ours", aaa(old(user=OURS)), [OWN]
    yield "aaa-for-another-account", aaa(old(), account="2000"), [NOT_US]
    yield "aaa-for-an-unknown-account", aaa(old(mentions=(MENTION | {"id_str": "2000", "id": 2000},)), account="2000"), [
        is_message(account="2000")]
    yield "aaa-number-ids", aaa({"id": 1332557345071644673, "text": "@Brand x", "user": {"id": 42}}), [
        is_message(source_id="1332557345071644673", author="42", account="brand")]
    yield "aaa-float-id", aaa({"id": 1.3e18, "text": "@Brand x", "user": {"id": 42}}), [poison("post without an id")]
    yield "aaa-no-user", aaa(old(user=None)), [is_message(author=None, malformed="no author")]
    yield "aaa-no-entities", aaa(old(entities=None, text="tolong @BRAND!")), [is_message(account="brand")]
    yield "aaa-name-inside-a-word", aaa(old(entities=None, text="surat ke x@brandy.example")), [NOT_US]
    yield "aaa-nothing-but-junk", aaa(None, "teks", 7, [], {}), [poison("post without an id")] * 5
    yield "aaa-several", aaa(old("110"), old("111"), old("110")), [
        is_message(source_id="110", idempotency=["110"]), is_message(source_id="111"), is_message(idempotency=["110"])]
    yield "aaa-photo", aaa(old(extended_entities={"media": [
        {"type": "photo", "media_url_https": "https://pbs.x.example/media/A.jpg"},
        {"type": "video", "media_url_https": "https://pbs.x.example/thumb/B.jpg"}]})), [
        is_message(attachment_names=["A.jpg", "B.jpg"], facts_include={"attachments": 2})]
    yield "aaa-verified-word", aaa(old(user=BUDI | {"verified": "true", "verified_type": "Government"})), [
        is_message(facts_include={"verified": True, "verified_type": "Government", "followers": 20})]
    yield "aaa-no-time", aaa({"id_str": "120", "text": "@Brand x", "user": BUDI}), [is_message(sent_at_ms=0)]
    yield "aaa-old-time", aaa({"id_str": "121", "text": "@Brand x", "user": BUDI,
                               "created_at": "Sat Nov 28 05:30:03 +0000 2020"}), [is_message(sent_at_ms=1606541403000)]
    yield "aaa-right-to-left", aaa(old(text="@Brand مرحبا \u202eevil")), [is_message(text="@Brand مرحبا \u202eevil")]
    for kind in ("favorite_events", "follow_events", "block_events", "mute_events",
                 "direct_message_indicate_typing_events", "direct_message_mark_read_events"):
        yield f"aaa-{kind.replace('_', '-')}", aaa({"type": "x"}, kind=kind), [ignored(kind)]
    yield "aaa-unknown-events", aaa({}, kind="poll_vote_events"), [ignored("unknown events: poll_vote_events")]
    yield "aaa-delete-by-number", aaa({"status": {"id": 100, "user_id": 42}, "timestamp_ms": 1606541403440},
                                      kind="tweet_delete_events"), [
        is_message(kind="Remove", source_id="100", joins=["100"], provides=[], author="42", text="",
                   idempotency=["100", "delete"], sent_at_ms=1606541403440)]
    yield "aaa-delete-ours", aaa({"status": {"id": "1", "user_id": "1114"}}, kind="tweet_delete_events"), [OWN]
    yield "aaa-delete-nothing", aaa({"status": {}}, kind="tweet_delete_events"), [poison("deletion without an id")]


def messages():
    def of(*events, **more):
        return aaa(*events, kind="direct_message_events", **{"users": {"42": BUDI}} | more)

    yield "dm-escaped", of(dm(text="A &amp; B")), [is_message(
        source_id="dm:900", text="A & B", visibility="Private", author="42", from_address="budi", reply_to="42",
        joins=["dm-with:42"], provides=["dm:900", "dm-with:42"], facts_include={"followers": 20})]
    yield "dm-echo", of(dm(sender="1114", recipient="42")), [ignored("our own direct message")]
    yield "dm-picture", of(dm(text="ini", attachment={"type": "media", "media": {
        "type": "photo", "media_url_https": "https://ton.x.example/dm/900/A.jpg"}})), [
        is_message(attachment_names=["A.jpg"], facts_include={"attachments": 1})]
    yield "dm-no-users", aaa(dm(), kind="direct_message_events"), [is_message(from_address="42", author="42")]
    yield "dm-no-sender", of({"type": "message_create", "id": "1", "message_create": {}}), [
        poison("direct message without a sender")]
    yield "dm-no-body", of({"type": "message_create", "id": "1"}), [poison("direct message without a body")]
    yield "dm-other-type", of({"type": "welcome", "id": "1"}), [ignored("direct message event: welcome")]
    yield "dm-number-ids", of(dm(id=900, sender=42)), [is_message(source_id="dm:900", author="42")]


def new_product():
    yield "xaa-mention-number-id", xaa("post.mention.create", v2(id="2080765813578191303") | {
        "id": 2080765813578191303}), [is_message(source_id="2080765813578191303")]
    yield "xaa-reply-implied", xaa("post.reply.create", v2(mentions=(), text="sudah", in_reply_to_user_id="1114",
        referenced_tweets=[{"type": "replied_to", "id": "99"}])), [
        is_message(joins=["99", "talk:200:42"], facts_include={"is_reply": True})]
    yield "xaa-new-names", xaa("post.mention.create", v2(edit_history_tweet_ids=None, edit_history_post_ids=["199", "200"],
        referenced_posts=[{"type": "replied_to", "id": "98"}], note_post={"text": "@Brand catatan"})), [
        is_message(kind="Edit", source_id="199", idempotency=["200"], text="@Brand catatan", reply_to="200",
                   joins=["199", "98", "talk:200:42"])]
    yield "xaa-third-edit", xaa("post.mention.create", v2("203", edit_history_tweet_ids=["200", "201", "203"])), [
        is_message(kind="Edit", source_id="200", joins=["200", "201", "talk:203:42"], idempotency=["203"])]
    yield "xaa-quote-of-ours", xaa("post.quote.create", v2(mentions=(), text="lihat", referenced_tweets=[
        {"type": "quoted", "id": "90"}])) | {"includes": {"users": USERS, "tweets": [{"id": "90", "author_id": "1114"}]}}, [
        is_message(account="brand", joins=["90", "talk:200:42"], facts_include={"is_quote": True})]
    yield "xaa-repost", xaa("post.create", v2(referenced_tweets=[{"type": "retweeted", "id": "90"}])), [ignored("repost")]
    yield "xaa-ours", xaa("post.create", v2(author="1114")), [OWN]
    yield "xaa-for-another", xaa("post.mention.create", v2(), account="2000"), [NOT_US]
    yield "xaa-delete-by-author", xaa("post.delete", {"id": "200", "author_id": "42"}), [
        is_message(kind="Remove", source_id="200", author="42", account="brand", text="")]
    yield "xaa-delete-ours", xaa("post.delete", {"id": "200", "author_id": "1114"}), [OWN]
    yield "xaa-dm-sent", xaa("dm.sent", {"direct_message_events": [dm(sender="1114", recipient="42")]}), [
        ignored("our own direct message")]
    yield "xaa-dm-empty", xaa("dm.received", {}), [poison("direct message event without a message")]
    yield "xaa-profile", xaa("profile.update.bio", {"id": "1"}), [ignored("activity event: profile.update.bio")]
    yield "xaa-unknown-author", xaa("post.mention.create", v2(author="77")), [
        is_message(author="77", from_address="", permalink="https://x.com/i/status/200")]
    yield "xaa-payload-a-text", xaa("post.mention.create", "rusak"), [poison("post without an id")]


def posts():
    yield "page-of-three", page(v2("303"), v2("302", mentions=(), text="tanpa kita"), v2("301")), [
        is_message(source_id="303"), NOT_US, is_message(source_id="301")]
    yield "page-with-poison", page(v2("303"), None, {"text": "@Brand"}, v2("301")), [
        is_message(source_id="303"), poison("post without an id"), poison("post without an id"),
        is_message(source_id="301")]
    yield "page-errors-only", {"errors": [{"title": "Not Found Error", "type": "x"}]}, [
        ignored("the channel reports: Not Found Error")]
    yield "page-number", {"data": 7}, [poison("data is neither an object nor a list")]
    yield "post-long", page(v2(note_tweet={"text": "@Brand " + "panjang " * 100, "entities": {"mentions": [
        {"username": "Brand", "id": "1114"}]}})), [is_message(full_text="@Brand " + "panjang " * 100)]
    yield "post-media", {"data": v2(attachments={"media_keys": ["3_1", "7_2", "3_9"]}), "includes": {
        "users": USERS, "media": [{"media_key": "7_2", "type": "video", "preview_image_url": "https://pbs.x.example/v.jpg"},
                                  {"media_key": "3_1", "type": "photo", "url": "https://pbs.x.example/a.jpg"}]}}, [
        is_message(attachment_names=["v.jpg", "a.jpg"])]
    yield "post-mention-without-id", page(v2(entities={"mentions": [{"username": "BRAND"}]})), [is_message(account="brand")]
    yield "post-no-author", page({"id": "1", "text": "@brand x"}), [is_message(author=None, malformed="no author")]
    yield "post-control-in-id", page({"id": "1\n2", "text": "@brand x"}), [poison("post without an id")]
    yield "post-verified", page(v2()), [is_message(facts={
        "followers": 97, "verified": True, "verified_type": "blue", "is_reply": False, "lang": "in",
        "mentions": ["brand"]})]


def make():
    count = 0
    for name, body, expected in (s for maker in (old_product, messages, new_product, posts) for s in maker()):
        content = json.dumps(body, ensure_ascii=count % 2 == 0).encode()
        write("x", name, ".body.json", content, ".expected.json", expected)
        count += 1
    return count
