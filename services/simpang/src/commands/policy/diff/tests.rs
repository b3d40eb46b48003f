//! What differs reads as it should.

use simpang_policy::diff::Portrait;

use super::{Files, OfDesk, layout, machine, of_desk, shared};

const DESK: &str = r#"
[defaults]
priority = "normal"
[[account]]
channel = "email"
account = "a@example.com"
[[priority]]
name = "normal"
[[queue]]
name = "general"
[[rule]]
name = "vip"
when = 'customer.segment == "VIP"'
queue = "general"
[[rule]]
name = "stars"
when = 'customer.id in lists.stars'
queue = "general"
educate = "welcome"
[[rule]]
name = "rest"
when = "true"
queue = "general"
"#;

const SHARED: &str = r#"
[[template]]
name = "welcome"
text = """
Dear customer,
we answer soon.
Yours"""
[[calendar]]
name = "office"
hours = { "mon-fri" = "08:00-17:00" }
[[sla]]
name = "question"
calendar = "office"
[[sla.clock]]
clock = "resolution"
target = "3d"
[lists]
stars = ["c1", "c2"]
"#;

fn files(desk: &str, shared: &str) -> Files {
    let file = |path: &str, text: &str| (path.to_owned(), text.to_owned());
    let manifest = "name = \"test\"\nversion = 1\ndesks = [\"care\", \"sales\"]\n";
    let sales = format!("{DESK}\n[desk]\ntitle = \"Sales\"\n");
    vec![
        file("desks/care.toml", desk),
        file("desks/sales.toml", &sales),
        file("policy.toml", manifest),
        file("shared/all.toml", shared),
    ]
}

fn compared(old: &Files, new: &Files) -> Vec<OfDesk> {
    ["care", "sales"].map(|desk| of_desk(desk, ("old", old), ("new", new)).unwrap()).into()
}

#[test]
fn what_desks_share_is_told_once_and_every_change_below_its_kind() {
    let old = files(DESK, SHARED);
    let condition = "customer.segment == \"VIP\" || customer.segment == \"partner\" || customer.id == \"c9\"";
    let desk = DESK.replace("customer.segment == \"VIP\"", condition).replace("educate = \"welcome\"\n", "");
    let desk =
        desk.replace("[[priority]]", "[[priority]]\nname = \"high\"\nhead_start = \"4h\"\n[[priority]]");
    let all = SHARED.replace("answer soon", "answer today").replace("\"c2\"]", "\"c3\", \"c4\"]");
    let mut new = files(&desk, &all.replace("target = \"3d\"", "target = \"2d\""));
    new[2].1 = new[2].1.replace("version = 1", "version = 2");
    let compared = compared(&old, &new);
    let wanted = r#"test version 1 → test version 2

all desks (care, sales)
  SLAs
    changed  question
             clock resolution
               target     3d → 2d
  templates
    changed  welcome
             text       - we answer soon.
                        + we answer today.
  lists
    changed  stars
             members    added c3, c4; removed c2

desk care
  priorities
    added    high
             head_start 4h
  rules
    changed  vip
             when       - customer.segment == "VIP"
                        + customer.segment == "VIP" || customer.segment == "partner" || customer.id == "c9"
    changed  stars
             actions    removed educate welcome

6 differences: 1 added, 0 removed, 5 changed"#;
    assert_eq!(layout::layout(&compared, &shared(&compared)).join("\n"), wanted);
}

#[test]
fn what_is_the_same_says_so_and_a_desk_that_went_is_named() {
    let files = files(DESK, SHARED);
    let same = compared(&files, &files);
    let page = layout::layout(&same, &shared(&same));
    assert_eq!(page, ["test version 1 → test version 1", "no difference: both versions mean the same"]);

    let without: Files = files.iter().filter(|(path, _)| path != "desks/sales.toml").cloned().collect();
    let gone = compared(&files, &without);
    let page = layout::layout(&gone, &shared(&gone));
    assert_eq!(page[1], "desk sales: test version 1 → no such desk any more");
    assert!(page.contains(&"    removed  vip".to_owned()), "{page:#?}");
    assert!(page.last().unwrap().starts_with("13 differences: 0 added, 13 removed"), "{page:#?}");
}

#[test]
fn a_move_says_from_where_to_where() {
    let stars = "[[rule]]\nname = \"stars\"\nwhen = 'customer.id in lists.stars'\nqueue = \"general\"\neducate = \"welcome\"\n";
    let first = DESK.find("[[rule]]").unwrap();
    let mut desk = DESK.replace(stars, "");
    desk.insert_str(first, stars);
    let desk = desk.replace(
        "[[rule]]\nname = \"rest\"",
        &format!("{}[[rule]]\nname = \"rest\"", stars.replace("name = \"stars\"", "name = \"more\"")),
    );
    let compared = compared(&files(DESK, SHARED), &files(&desk, SHARED));
    let page = layout::layout(&compared, &shared(&compared));
    let told: Vec<&str> = page.iter().map(|line| line.trim()).filter(|line| line.contains(": ")).collect();
    assert_eq!(told.len(), 3, "{page:#?}");
    assert!(told[0].contains("moved from place"), "{told:?}");
    assert_eq!(told[1], "added    more: after vip");
    assert!(told[2].ends_with(", 1 of them moved"), "{told:?}");
}

#[test]
fn machines_get_every_member_and_the_desks() {
    let many: Vec<String> = (0..30).map(|n| format!("\"n{n}\"")).collect();
    let longer = SHARED.replace("\"c1\", \"c2\"", &format!("\"c1\", {}", many.join(", ")));
    let compared = compared(&files(DESK, SHARED), &files(DESK, &longer));
    let shared = shared(&compared);
    let page = layout::layout(&compared, &shared).join("\n");
    assert!(page.contains("added 30: n0, n1, n10") && page.contains("and 22 more; removed c2"), "{page}");
    let line = machine::change(&shared[0]);
    assert_eq!(line["desks"], serde_json::json!(["care", "sales"]));
    assert_eq!(line["fields"][0]["added"].as_array().unwrap().len(), 30);
    assert_eq!((line["kind"].as_str(), line["how"].as_str()), (Some("list"), Some("changed")));
}

#[test]
fn nothing_is_known_of_a_desk_without_a_policy() {
    let desk = of_desk("care", ("the log", &Files::new()), ("new", &files(DESK, SHARED))).unwrap();
    assert_eq!((desk.old.version(), desk.new.version()), (0, 1));
    assert_eq!(desk.changes, Portrait::default().changes_to(&desk.new));
    let page = layout::layout(&[desk], &[]);
    assert_eq!(page[0], "desk care: no policy before → test version 1");
}
