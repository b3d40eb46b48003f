//! Laws: a view is the fold of the log, however it was cut into transactions and restarts.

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use simpang_log::{DeskName, Entry};
use simpang_views::{Opened, Views, ViewsError};

use crate::story::story;

fn straight(desk: &DeskName, entries: &[Entry]) -> Views {
    let mut views = Views::in_memory(desk).unwrap();
    views.fold(entries).unwrap();
    views
}

/// At every position, the build that was restarted there equals the straight one, and both read on to the same end.
#[tokio::test]
async fn a_view_that_was_restarted_anywhere_equals_one_built_straight() {
    let script = story().await;
    let entries = script.entries().await;
    let whole = straight(&script.desk, &entries).digest().unwrap();
    let folder = tempfile::tempdir().unwrap();
    for cut in 0..=entries.len() {
        let path = folder.path().join(format!("{cut}.sqlite"));
        let (mut views, opened) = Views::open(&path, &script.desk).unwrap();
        assert_eq!(opened, Opened::New);
        views.fold(&entries[..cut]).unwrap();
        assert_eq!(
            views.digest().unwrap(),
            straight(&script.desk, &entries[..cut]).digest().unwrap(),
            "cut {cut}"
        );
        drop(views);
        let (mut views, opened) = Views::open(&path, &script.desk).unwrap();
        assert_eq!(opened, Opened::Resumed);
        // What a verified reader brings from here: unjudged inputs again, then the rest.
        let rest = script.entries_after(views.position().anchor).await;
        views.fold(&rest).unwrap();
        assert_eq!(views.digest().unwrap(), whole, "cut {cut}");
    }
}

#[test]
fn the_size_of_transactions_changes_nothing() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let script = runtime.block_on(story());
    let entries = runtime.block_on(script.entries());
    let whole = straight(&script.desk, &entries).digest().unwrap();
    let config = ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() };
    let sizes = proptest::collection::vec(1usize..9, 1..entries.len());
    let law = |sizes: Vec<usize>| {
        let mut views = Views::in_memory(&script.desk).unwrap();
        let mut rest = &entries[..];
        for size in sizes.iter().cycle() {
            let (now, later) = rest.split_at((*size).min(rest.len()));
            views.fold(now).unwrap();
            rest = later;
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(views.digest().unwrap(), whole);
        Ok(())
    };
    TestRunner::new(config).run(&sizes, law).unwrap();
}

#[tokio::test]
async fn a_rebuild_beside_the_live_file_takes_its_place_and_is_equal() {
    let script = story().await;
    let entries = script.entries().await;
    let folder = tempfile::tempdir().unwrap();
    let (live, beside) = (folder.path().join("live.sqlite"), folder.path().join("new.sqlite"));
    let (mut old, _) = Views::open(&live, &script.desk).unwrap();
    old.fold(&entries).unwrap();
    let mut reader = simpang_views::store::Reader::open(&live).unwrap();
    let before = reader.digest().unwrap();
    std::fs::write(&beside, "what a crash left").unwrap();
    let mut fresh = Views::begin(&beside, &script.desk).unwrap();
    let (some, rest) = entries.split_at(entries.len() / 2);
    fresh.fold(some).unwrap();
    fresh.fold(rest).unwrap();
    drop(old);
    let swapped = fresh.swap_into(&live).unwrap();
    assert_eq!(swapped.digest().unwrap(), before);
    assert_eq!(reader.digest().unwrap(), before, "a reader of the old file keeps what it sees");
    assert!(!beside.exists());
    assert_eq!(swapped.position().seq, entries.last().unwrap().seq);
}

#[tokio::test]
async fn entries_that_do_not_follow_are_refused_and_change_nothing() {
    let script = story().await;
    let entries = script.entries().await;
    let mut views = straight(&script.desk, &entries[..10]);
    let before = views.digest().unwrap();
    let refused = views.fold(&[entries[10].clone(), entries[12].clone()]).unwrap_err();
    assert!(matches!(refused, ViewsError::Gap { position: 11, found: 13 }), "{refused}");
    assert_eq!((views.digest().unwrap(), views.position().seq), (before, 10));
    views.fold(&entries[5..]).unwrap();
    assert_eq!(views.digest().unwrap(), straight(&script.desk, &entries).digest().unwrap());
}

#[tokio::test]
async fn a_newer_file_is_refused_and_an_older_one_is_built_anew() {
    let script = story().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("desk.sqlite");
    let (mut views, _) = Views::open(&path, &script.desk).unwrap();
    views.fold(&script.entries().await).unwrap();
    drop(views);
    let set = |version: i64| {
        let conn = rusqlite::Connection::open(&path).unwrap();
        conn.execute("UPDATE meta SET value = ? WHERE name = 'schema'", [version]).unwrap();
    };
    set(9_999);
    assert!(matches!(Views::open(&path, &script.desk).unwrap_err(), ViewsError::Newer { found: 9_999, .. }));
    set(0);
    let (views, opened) = Views::open(&path, &script.desk).unwrap();
    assert_eq!((opened, views.position().seq), (Opened::Outdated { version: 0 }, 0));
    drop(views);
    let other = DeskName::new("telkomcare").unwrap();
    assert!(matches!(Views::open(&path, &other).unwrap_err(), ViewsError::OtherDesk { .. }));
}
