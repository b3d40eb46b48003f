//! Mailboxes of our own that answer each other, and send on to each other, by themselves: each does so once.

use std::collections::BTreeMap;
use std::time::Duration;

use simpang_tests::{Layout, Letter, Policy, Smtp, Stand, SunkMail, within};

const TENESA: &str = "tenesa@telkom.example";
const ADUAN: &str = "aduan@telkom.example";
const CARE: &str = "care@telkom.example";

/// Gives a desk a template that acknowledges what comes in, and a first rule that sends everything on.
fn answers_and_sends_on(policy: &Policy, desk: &str, at: (&str, &str), to: &[&str]) {
    let file = format!("desks/{desk}.toml");
    let groups: String = (1..)
        .zip(to)
        .map(|(n, to)| format!("[[group]]\nname = \"kotak-{n}\"\ntitle = \"x\"\nmailbox = \"{to}\"\n\n"))
        .collect();
    let names: Vec<String> = (1..=to.len()).map(|n| format!("\"kotak-{n}\"")).collect();
    let rule = format!(
        "{groups}[[template]]\nname = \"terima-kasih\"\nsubject = \"Kami terima\"\ntext = \"Terima kasih, kasus {{{{case}}}}.\"\n\n\
         [[rule]]\nname = \"teruskan\"\nwhen = \"true\"\nqueue = \"identification\"\nforward = [{}]\n\n",
        names.join(", ")
    );
    policy.change(&file, at.0, &format!("{rule}{}", at.0));
    policy.change(&file, at.1, &format!("acknowledgement = \"terima-kasih\"\n{}", at.1));
}

fn account(policy: &Policy, desk: &str, account: &str) {
    let added = format!(
        "[[account]]\nchannel = \"email\"\naccount = \"{account}\"\n\n[capacity]                      # "
    );
    policy.change(&format!("desks/{desk}.toml"), "[capacity]                      # ", &added);
}

/// Sends on what came for us, as the mail servers of all these mailboxes do; how many mails went out in all, by
/// recipient, once nothing is left to do.
async fn until_quiet(stand: &Stand, passed_on: &mut usize) -> BTreeMap<String, usize> {
    within(Duration::from_secs(60), "the mailboxes to be quiet", async || {
        let mails = stand.mail_sink().mails();
        assert!(mails.len() < 40, "they go on for ever: {:?}", by_recipient(&mails));
        for mail in &mails[*passed_on..] {
            for to in mail.to.iter().filter(|to| [TENESA, ADUAN, CARE].contains(&to.as_str())) {
                let mut server = Smtp::connect(stand.smtp()).await.unwrap();
                let raw = mail.raw.replace('\n', "\r\n").replace("\r\r\n", "\r\n");
                assert_eq!(server.mail(&mail.from, to, raw.as_bytes()).await.unwrap(), 250);
            }
        }
        let was_quiet = std::mem::replace(passed_on, mails.len()) == mails.len();
        let is_quiet = was_quiet
            && stand.simpang(&["verify", "--quiescent"]).await.status.success()
            && stand.mail_sink().mails().len() == mails.len();
        is_quiet.then(|| by_recipient(&mails))
    })
    .await
}

fn by_recipient(mails: &[SunkMail]) -> BTreeMap<String, usize> {
    let mut counted = BTreeMap::new();
    mails.iter().flat_map(|mail| &mail.to).for_each(|to| *counted.entry(to.clone()).or_default() += 1);
    counted
}

fn counted(expected: &[(&str, usize)]) -> BTreeMap<String, usize> {
    expected.iter().map(|(to, count)| ((*to).to_owned(), *count)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn mailboxes_of_ours_that_answer_and_send_on_to_each_other_end_after_one_turn() {
    let mut stand = Stand::start(Layout::Together, |policy| {
        account(policy, "tenesa", ADUAN);
        account(policy, "telkomcare", CARE);
        let rule = "[[rule]]\nname = \"dcs\"\n";
        answers_and_sends_on(policy, "tenesa", (rule, "join_by_customer = false"), &[CARE, ADUAN]);
        let rule = "[[rule]]\nname = \"hard-complaint\"\n";
        answers_and_sends_on(policy, "telkomcare", (rule, "join_by_customer = true"), &[TENESA, ADUAN]);
    })
    .await;
    let mut passed_on = 0;
    let letter = Letter {
        from: "it@sinarmaju.example".into(),
        subject: "Internet kantor mati".into(),
        id: "putar-1@sinarmaju.example".into(),
        answers: String::new(),
        text: "Internet kantor kami mati.".into(),
    };
    assert!(letter.send(stand.smtp(), stand.sent()).await);
    let first = counted(&[("it@sinarmaju.example", 1), (CARE, 1), (ADUAN, 1)]);
    assert_eq!(until_quiet(&stand, &mut passed_on).await, first);

    // By hand from one of our mailboxes to another: a machine's mail by its address, and nothing goes out.
    let by_hand = Letter { from: CARE.into(), id: "tangan@telkom.example".into(), ..letter };
    assert!(by_hand.send(stand.smtp(), stand.sent()).await);
    assert_eq!(until_quiet(&stand, &mut passed_on).await, first);

    // An agent answers what came from the other desk's mailbox: one mail, onto the case it was sent from.
    let rina = stand.signed_in("rina", "tenesa").await;
    let mut from_care = 0;
    for _ in 0..2 {
        let got = rina.pull_one().await;
        let case = rina.client.case("tenesa", got.case, 0).await.unwrap();
        let text = format!("{case:?}");
        if text.contains("tangan@telkom.example") {
            from_care = got.case;
        }
    }
    rina.reply(from_care, 1, "Kami tangani.", true).await.unwrap();
    let answered = counted(&[("it@sinarmaju.example", 1), (CARE, 2), (ADUAN, 1)]);
    assert_eq!(until_quiet(&stand, &mut passed_on).await, answered);
    stand.finish().await;
}
