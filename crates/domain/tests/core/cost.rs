//! Matching does not grow with cases or agents: the nodes that a decision looks at are counted.

use simpang_domain::input::Ask;

use crate::support::Trial;

/// Nodes looked at for one pull, with so many cases waiting and agents signed in.
fn visited(cases: u32, agents: u32) -> u64 {
    let mut desk = Trial::new();
    for n in 0..agents {
        let name = format!("a{n}");
        desk.agent(&name, &[]);
        desk.ask(
            &name,
            0,
            Ask::SignIn { session: "s".into(), gateway: "g".into(), ready: true, auto: false },
        );
        desk.history.clear();
    }
    for n in 0..cases {
        let mut mail = crate::support::message(0);
        mail.author = None;
        mail.source = None;
        mail.provides = vec![u128::from(n).to_be_bytes()];
        desk.judge(simpang_domain::input::Body::Message(mail));
        desk.history.clear();
    }
    let before = desk.desk.state().demand.visited();
    desk.pull("a0", 1, 0);
    desk.desk.state().demand.visited() - before
}

#[test]
fn a_pull_looks_at_as_many_nodes_among_a_thousand_cases_as_among_a_million() {
    let few = visited(1_000, 10);
    assert!(few > 0 && few < 50, "{few}");
    assert_eq!(visited(100_000, 10), few);
    assert_eq!(visited(1_000_000, 10), few);
}

#[test]
fn a_pull_looks_at_as_many_nodes_among_ten_agents_as_among_thousands() {
    let few = visited(1_000, 10);
    assert_eq!(visited(1_000, 5_000), few);
}
