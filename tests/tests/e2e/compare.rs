//! Two versions of a policy compared: in folders, and on the log of a desk that ran under the old one.

use serde_json::Value;
use simpang_tests::{Mention, Stand};

/// What `simpang policy diff` printed, as JSON lines, with its exit code.
async fn diff(stand: &Stand, args: &[&str]) -> (Option<i32>, Vec<Value>) {
    let output = stand.simpang(&[&["policy", "diff", "--json"], args].concat()).await;
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines = lines.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}")));
    (output.status.code(), lines.collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_policy_says_what_changed_and_which_cases_it_would_have_put_elsewhere() {
    let mut stand = Stand::up().await;
    let rina = stand.signed_in("rina", "telkomcare").await;
    let mention = |id: &str, author: &str| Mention {
        id: id.into(),
        author: author.into(),
        handle: format!("u{author}"),
        text: "internet mati".into(),
        answers: String::new(),
    };
    assert!(mention("7001", "71").send(stand.http(), stand.sent()).await);
    let case = rina.pull_one().await.case;
    rina.identify(case, "DCS").await.unwrap();
    assert!(mention("7002", "72").send(stand.http(), stand.sent()).await);
    rina.pull_one().await;

    let dir = stand.policy().dir().display().to_string();
    assert_eq!(diff(&stand, &["--desk", "telkomcare", &dir]).await, (Some(0), vec![]), "nothing changed yet");

    let file = "desks/telkomcare.toml";
    stand.policy().change(file, "queue = \"identification\"\ncite", "queue = \"social\"\ncite");
    stand.policy().change("policy.toml", "version = 1\n", "version = 2\n");
    let (code, told) = diff(&stand, &["--desk", "telkomcare", "--from", "1", &dir]).await;
    assert_eq!((code, told.len()), (Some(1), 4), "{told:#?}");
    let field = &told[0]["fields"][0];
    assert_eq!((told[0]["kind"].as_str(), told[0]["name"].as_str()), (Some("rule"), Some("unknown-segment")));
    assert_eq!((field["before"].as_str(), field["after"].as_str()), (Some("identification"), Some("social")));
    for (line, case) in told[1..3].iter().zip([1, 2]) {
        assert_eq!((line["case"].as_u64(), line["occasion"].as_str()), (Some(case), Some("received")));
        assert_eq!(line["differing"], serde_json::json!(["queue"]), "{line}");
        let queue = |which: &str| line[which]["queue"].as_str();
        assert_eq!((queue("then"), queue("now")), (Some("identification"), Some("social")));
    }
    let counts =
        ["decisions", "same", "different", "cases", "different_cases"].map(|key| told[3][key].as_u64());
    assert_eq!(counts, [3, 1, 2, 2, 2].map(Some), "once the first was identified, both say the same");

    let printed = stand.simpang(&["policy", "diff", "--desk", "telkomcare", "--from", "1", &dir]).await;
    let printed = String::from_utf8_lossy(&printed.stdout).into_owned();
    for part in ["queue      identification → social", "3 classifications of 2 cases taken again: 1 the same"]
    {
        assert!(printed.contains(part), "{part:?} is not in\n{printed}");
    }

    stand.must(&["policy", "apply", "--desk", "telkomcare", &dir]).await;
    assert_eq!(diff(&stand, &["--desk", "telkomcare", &dir]).await.0, Some(0), "it is in force");
    let missing = diff(&stand, &["--desk", "nobody", &dir]).await.0;
    let open = diff(&stand, &[&dir]).await.0;
    let ends_first = diff(&stand, &["--desk", "telkomcare", "--from", "5", "--to", "4", &dir]).await.0;
    assert_eq!([missing, open, ends_first], [Some(2); 3], "an error is no difference");
    stand.finish().await;
}
