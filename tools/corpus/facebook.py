"""Deliveries of Facebook: page feed, mentions and Messenger after the provider's documented shapes, each with the
reading that its maker wrote down. The page is 444."""

import hashlib
import json

from common import write


def sha(text):
    return hashlib.sha256(text.encode()).hexdigest()


def comment(id="901_903", text="Kartu saya hilang", **more):
    value = {"item": "comment", "verb": "add", "comment_id": id, "post_id": "444_901", "parent_id": "444_901",
             "from": {"id": "3383", "name": "Siti"}, "message": text, "created_time": 1750320340} | more
    return {key: one for key, one in value.items() if one is not ...}


def post(id="444_987", text="Tolong dong", **more):
    value = {"item": "post", "verb": "add", "post_id": id, "from": {"id": "3383", "name": "Siti"}, "message": text,
             "created_time": 1750320340} | more
    return {key: one for key, one in value.items() if one is not ...}


def feed(*values, page="444", field="feed"):
    return {"object": "page", "entry": [{"id": page, "time": 1750320343, "changes": [
        {"field": field, "value": value} for value in values]}]}


def messenger(*items, page="444"):
    return {"object": "page", "entry": [{"id": page, "time": 1457764198246, "messaging": list(items)}]}


def says(message, sender="777", **more):
    return {"sender": {"id": sender}, "recipient": {"id": "444"}, "timestamp": 1457764197627, "message": message} | more


def is_message(**fields):
    return {"message": fields}


def ignored(reason):
    return {"ignored": reason}


def poison(reason):
    return {"poison": reason}


OWN = ignored("the page's own")


def feeds():
    yield "comment-on-comment", feed(comment("901_905", parent_id="901_903")), [is_message(
        joins=["901_903", "talk:444_901:3383"], facts_include={"is_reply": True}, idempotency=[
            "901_905", "add", sha("Kartu saya hilang")])]
    yield "comment-number-everything", feed(comment(comment_id=901903, post_id=444901, parent_id=444901, **{
        "from": {"id": 3383, "name": "Siti"}}), page=444), [is_message(
            source_id="901903", author="3383", account="444", joins=["talk:444901:3383"])]
    yield "comment-large-number", feed(comment(**{"from": {"id": 17841400000000001, "name": "S"}})), [
        is_message(author="17841400000000001")]
    yield "comment-emoji-escaped", feed(comment(text="Tolong 🙏🏽 \"ya\" / ok")), [is_message(text="Tolong 🙏🏽 \"ya\" / ok")]
    yield "comment-no-sender", feed(comment(**{"from": ...})), [is_message(author=None, joins=[], provides=["901_903"])]
    yield "comment-sender-null", feed(comment(**{"from": None})), [is_message(author=None)]
    yield "comment-sticker", feed(comment(message=...)), [is_message(text="", kind="New")]
    yield "comment-photo", feed(comment(message=..., photo="https://scontent.fb.example/v/t1/foto.jpg?oh=1")), [
        is_message(attachment_names=["foto.jpg"], facts_include={"attachments": 1})]
    yield "comment-edited-twice", feed(comment(verb="edited", text="satu"), comment(verb="edited", text="dua")), [
        is_message(kind="Edit", joins=["901_903", "talk:444_901:3383"], text="satu",
                   idempotency=["901_903", "edited", sha("satu"), "1750320340"]),
        is_message(kind="Edit", text="dua", idempotency=["901_903", "edited", sha("dua"), "1750320340"])]
    yield "comment-removed-without-text", feed(comment(verb="remove", message=...)), [is_message(
        kind="Remove", source_id="901_903", text="", provides=[], idempotency=["901_903", "remove"])]
    yield "comment-removed-then-again", feed(comment(), comment(verb="remove", message=...)), [
        is_message(kind="New"), is_message(kind="Remove")]
    yield "comment-hidden", feed(comment(verb="hide")), [ignored("verb: hide")]
    yield "comment-of-page", feed(comment(**{"from": {"id": "444", "name": "Kami"}})), [OWN]
    yield "comment-of-page-number", feed(comment(**{"from": {"id": 444, "name": "Kami"}})), [OWN]
    yield "comment-created-as-date", feed(comment(created_time="2025-06-19T08:05:40+0000")), [
        is_message(sent_at_ms=1750320340000)]
    yield "comment-permalink", feed(comment(post={"permalink_url": "https://www.facebook.com/p/1"})), [
        is_message(permalink="https://www.facebook.com/p/1")]
    yield "comment-permalink-script", feed(comment(post={"permalink_url": "javascript:alert(1)"})), [
        is_message(permalink="https://www.facebook.com/901_903")]
    yield "comment-without-post", feed(comment(post_id=..., parent_id=...)), [is_message(joins=[], source_id="901_903")]
    yield "comment-id-empty", feed(comment("")), [poison("update without a comment_id")]
    yield "comment-id-a-list", feed(comment(comment_id=["901_903"])), [poison("update without a comment_id")]
    yield "visitor-post", feed(post()), [is_message(source_id="444_987", joins=["talk:444_987:3383"], provides=[
        "444_987", "talk:444_987:3383"], facts_include={"item": "post", "is_mention": False})]
    yield "visitor-photos", feed(post(item="photo", photos=["https://f.example/a.jpg", "https://f.example/b.jpg"],
                                      link="https://f.example/a.jpg")), [is_message(attachment_names=["a.jpg", "b.jpg"])]
    yield "visitor-video", feed(post(item="video", link="https://f.example/v.mp4")), [
        is_message(attachments=[["v.mp4", "video/mp4", "https://f.example/v.mp4"]])]
    yield "visitor-status-of-page", feed(post(item="status", **{"from": {"id": "444"}})), [OWN]
    for item in ("reaction", "like", "event", "offer"):
        yield f"item-{item}", feed(post(item=item)), [ignored(f"item: {item}")]
    yield "verb-unknown", feed(comment(verb="mengubah")), [ignored("verb: mengubah")]
    yield "field-ratings", feed({"rating": 5}, field="ratings"), [ignored("field: ratings")]
    yield "field-without-value", {"object": "page", "entry": [{"id": "444", "changes": [{"field": "feed"}]}]}, [
        poison("change of feed without a value")]


def mentions():
    yield "mention-of-comment", feed({"item": "comment", "verb": "add", "post_id": "55_987", "comment_id": "987_3754",
                                      "created_time": 1750320340}, field="mention"), [
        is_message(source_id="987_3754", author=None, facts_include={"is_mention": True, "item": "comment"})]
    yield "mention-old-sender", feed({"item": "post", "verb": "add", "post_id": "55_987", "sender_id": 3383,
                                      "sender_name": "Siti", "message": "Halo", "created_time": 1750320340},
                                     field="mention"), [
        is_message(author="3383", from_name="Siti", joins=["talk:55_987:3383"])]
    yield "mention-removed", feed({"item": "post", "verb": "remove", "post_id": "55_987"}, field="mention"), [
        is_message(kind="Remove", source_id="55_987", joins=["55_987"])]


def talks():
    yield "messenger-number-ids", messenger({"sender": {"id": 777}, "recipient": {"id": 444}, "timestamp": 5,
                                             "message": {"mid": "m_1", "text": "hai"}}, page=444), [is_message(
        author="777", account="444", source_id="m_1", joins=["with:777"], provides=["m_1", "with:777"], sent_at_ms=5)]
    yield "messenger-echo-app", messenger(says({"mid": "m_2", "text": "balasan", "is_echo": True, "app_id": 1},
                                               sender="444")), [ignored("echo of an outgoing message")]
    yield "messenger-own-without-echo", messenger(says({"mid": "m_2", "text": "x"}, sender="444")), [OWN]
    yield "messenger-reply", messenger(says({"mid": "m_3", "text": "ya", "reply_to": {"mid": "m_2"}})), [
        is_message(joins=["m_2", "with:777"])]
    yield "messenger-sticker", messenger(says({"mid": "m_4", "sticker_id": 369239263222822, "attachments": [
        {"type": "image", "payload": {"url": "https://s.example/jempol.png", "sticker_id": 369239263222822}}]})), [
        is_message(text="", attachment_names=["jempol.png"])]
    yield "messenger-place", messenger(says({"mid": "m_5", "attachments": [{"type": "location", "payload": {
        "coordinates": {"lat": -6.2, "long": 106.8}}}]})), [is_message(source_id="m_5", attachments=[])]
    yield "messenger-quick-reply", messenger(says({"mid": "m_6", "text": "Ya", "quick_reply": {"payload": "YA"}})), [
        is_message(text="Ya")]
    yield "messenger-unsupported", messenger(says({"mid": "m_7", "is_unsupported": True})), [
        is_message(malformed_says="does not pass this kind")]
    yield "messenger-deleted", messenger(says({"mid": "m_8", "is_deleted": True})), [
        is_message(kind="Remove", idempotency=["m_8", "delete"], joins=["m_8", "with:777"], provides=[])]
    yield "messenger-no-mid", messenger(says({"text": "x"})), [poison("message without a mid")]
    yield "messenger-no-sender", messenger({"message": {"mid": "m_9"}}), [poison("message without a sender")]
    yield "messenger-user-ref", messenger({"sender": {"user_ref": "r1"}, "message": {"mid": "m_9", "text": "x"}}), [
        is_message(author="r1")]
    for kind in ("delivery", "read", "reaction", "optin", "referral", "account_linking", "pass_thread_control",
                 "policy-enforcement"):
        yield f"messenger-{kind}".replace("_", "-"), messenger({"sender": {"id": "777"}, "recipient": {"id": "444"},
                                                                "timestamp": 1, kind: {}}), [ignored(f"messaging: {kind}")]
    yield "messenger-postback-old", messenger({"sender": {"id": "777"}, "timestamp": 9, "postback": {
        "title": "Mulai", "payload": "MULAI"}}), [is_message(
            text="Mulai", source_id="postback:" + sha("777\n9\nMULAI"), facts_include={"postback": "MULAI"})]
    yield "messenger-junk", messenger(None, "x", 7, {}), [poison("messaging entry without a kind")] * 4


def envelopes():
    many = [comment(f"901_{n}") for n in range(999)]
    many.insert(500, {"item": "comment", "verb": "add"})
    expected = [is_message(source_id=f"901_{n}") for n in range(999)]
    expected.insert(500, poison("update without a comment_id"))
    yield "thousand-with-a-poison", feed(*many), expected
    two = feed(comment())
    two["entry"].append(feed(comment(**{"from": {"id": "3384"}}), page="555")["entry"][0])
    yield "two-pages", two, [is_message(account="444"), is_message(account="555", author="3384")]
    both = feed(comment())
    both["entry"][0]["messaging"] = [says({"mid": "m_1", "text": "hai"})]
    yield "feed-and-messenger-in-one", both, [is_message(source_id="901_903"), is_message(source_id="m_1")]
    yield "entry-not-a-list", {"object": "page", "entry": {"id": "444"}}, [ignored("no updates in the envelope")]
    yield "instagram", {"object": "instagram", "entry": []}, [ignored("object: instagram")]


def make():
    count = 0
    for name, body, expected in (s for maker in (feeds, mentions, talks, envelopes) for s in maker()):
        # The provider escapes what is not ASCII, and slashes.
        content = json.dumps(body).replace("/", "\\/").encode()
        write("facebook", name, ".body.json", content, ".expected.json", expected)
        count += 1
    return count
