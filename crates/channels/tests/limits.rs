//! Inputs made to cost much cost little: each is read within a bound that a quadratic reader would miss by far.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::time::{Duration, Instant};

use simpang_channels::calls::CallList;
use simpang_channels::{email, facebook, x};

/// Far above what any of these takes unoptimised on a busy machine, far below what the attack would cost.
const BOUND: Duration = Duration::from_secs(20);

fn within_bound<T>(name: &str, read: impl FnOnce() -> T) -> T {
    let began = Instant::now();
    let result = read();
    let took = began.elapsed();
    eprintln!("{name}: {took:?}");
    assert!(took < BOUND, "{name} took {took:?}");
    result
}

#[test]
fn hostile_mails_are_read_in_time() {
    let html = |body: String| format!("From: a@b\nContent-Type: text/html\n\n{body}");
    let formatting: String = (0..190).map(|n| format!("<b a={n}>")).collect();
    let boundaries: String = (0..9_000)
        .map(|n| format!("--b{n}\nContent-Type: multipart/mixed; boundary=b{}\n\n", n + 1))
        .collect();
    let nested = "Content-Type: message/rfc822\n\n".repeat(100_000);
    for (name, mail) in [
        ("formatting left open", html(format!("{formatting}{}", "<p>x".repeat(100_000)))),
        ("closing tags of nothing", html("<i x></y>".repeat(50_000))),
        ("self-closing blocks", html("<div/>".repeat(80_000))),
        ("deep quotations", html(format!("{}x", "<blockquote>".repeat(190)))),
        ("deep tables", html(format!("{}x", "<table><tr><td>".repeat(190)))),
        ("wide table", html(format!("<table><tr>{}", "<td>x".repeat(60_000)))),
        ("deep lists", html(format!("{}x", "<ul><li>".repeat(190)))),
        (
            "nested multiparts",
            format!("From: a@b\nContent-Type: multipart/mixed; boundary=b0\n\n{boundaries}"),
        ),
        ("nested mails", format!("From: a@b\nContent-Type: message/rfc822\n\n{nested}")),
        (
            "part boundaries",
            format!("From: a@b\nContent-Type: multipart/mixed; boundary=b\n\n{}", "--b\n\n".repeat(200_000)),
        ),
        ("comments in From", format!("From: {}\n\nx", "(".repeat(250_000))),
        ("groups in To", format!("From: a@b\nTo: {}\n\nx", "g: a@b, ".repeat(30_000))),
        ("encoded words", format!("From: a@b\nSubject: {}\n\nx", "=?utf-8?Q?a?= ".repeat(18_000))),
        ("broken encoded words", format!("From: a@b\nSubject: {}\n\nx", "=?utf-8?Q?".repeat(25_000))),
        ("references", format!("From: a@b\nReferences: {}\n\nx", "<a@b> ".repeat(40_000))),
        ("attribution lines", format!("From: a@b\n\n{}", "On x\n\n\n".repeat(50_000))),
        ("header blocks", format!("From: a@b\n\n{}{}", "From: x\n".repeat(10_000), "\n".repeat(50_000))),
        ("signatures", format!("From: a@b\n\nx\n{}", "--\n".repeat(100_000))),
        ("quotation marks", format!("From: a@b\n\n{}", ">".repeat(1_000_000))),
        ("parameters", format!("From: a@b\nContent-Type: text/plain{}\n\nx", "; a*0*=b".repeat(20_000))),
    ] {
        within_bound(name, || email::parse(mail.as_bytes(), &email::Options::default()));
    }
}

#[test]
fn a_large_mail_is_read_in_time() {
    let file = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5\n".repeat(350_000);
    let mail = format!(
        "From: a@b\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nisi\n--b\nContent-Type: application/pdf; \
         name=a.pdf\nContent-Transfer-Encoding: base64\n\n{file}\n--b--\n"
    );
    let parsed = within_bound("25 MB", || email::parse(mail.as_bytes(), &email::Options::default()));
    assert_eq!(parsed.content.text, "isi");
    assert_eq!(parsed.content.attachments.len(), 1);
}

#[test]
fn hostile_deliveries_are_refused_or_read_in_time() {
    let deep = format!("{}1{}", "[".repeat(500_000), "]".repeat(500_000));
    assert!(within_bound("deep JSON", || facebook::parse_webhook(deep.as_bytes())).is_err());
    let many = format!(r#"{{"tweet_create_events":[{}]}}"#, vec!["{}"; 50_000].join(","));
    assert!(
        within_bound("many entries", || x::parse_webhook(many.as_bytes(), &x::Options::default())).is_err()
    );
    let long =
        "https://".repeat(5_000) + &"a.".repeat(20_000) + &"👨\u{200d}".repeat(5_000) + &")".repeat(5_000);
    within_bound("long post", || x::length::weighted(&long));
    let hosts = format!("https://{}", "a.b-".repeat(5_000));
    within_bound("long host", || x::length::weighted(&hosts));
    let tail = format!("https://a.com/{}", "().".repeat(5_000));
    within_bound("long tail", || x::length::weighted(&tail));
}

#[test]
fn hostile_lists_are_read_in_time() {
    for (name, list) in [
        ("open quotes", format!("hp\n{}", "\"a\n".repeat(50_000))),
        ("open quotes on long lines", format!("hp\n{}", format!("\"{}\n", "a,".repeat(2_000)).repeat(300))),
        ("one long line", format!("hp\n{}", "1".repeat(5_000_000))),
        ("many fields", format!("hp\n{}", format!("{}\n", ",".repeat(30_000)).repeat(100))),
    ] {
        let rows = within_bound(name, || CallList::new(list.as_bytes()).unwrap().count());
        assert!(rows >= 1, "{name}");
    }
}

#[test]
fn a_long_list_is_read_row_by_row() {
    let mut list = String::from("nama,hp\n");
    for n in 0..20_000 {
        list.push_str(&format!("Pelanggan {n},0812{:08}\n", n % 15_000));
    }
    let rows = CallList::new(list.as_bytes()).unwrap();
    let accepted = within_bound("20,000 rows", || {
        rows.filter(|r| matches!(r.as_ref().unwrap(), simpang_channels::calls::Row::Accepted(_))).count()
    });
    assert_eq!(accepted, 15_000);
}
