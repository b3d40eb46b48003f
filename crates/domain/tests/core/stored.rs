//! What a desk remembers, written down and read back.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use proptest::prelude::*;
use simpang_domain::desk::Desk;
use simpang_domain::state::Map;
use simpang_domain::state::State;
use simpang_domain::stored::ways::{Each, Maybe, Own, Pair, Values};
use simpang_domain::stored::{Damaged, Reader, Shape, Stored, Way, Writer, shape};
use simpang_domain::words::Name;

use crate::history::{moves, play, ruled};

/// Small, so that elements fall on both sides of a part's end.
const PART_BYTES: usize = 64;

fn written(state: &State) -> Vec<Vec<u8>> {
    let mut parts = Vec::new();
    let mut give = |part| parts.push(part);
    let mut to = Writer::in_parts_of(PART_BYTES, &mut give);
    state.store(&mut to);
    to.finish();
    parts
}

fn read(parts: &[Vec<u8>]) -> Result<State, Damaged> {
    let mut parts = parts.iter().cloned();
    let mut next = || parts.next();
    let mut from = Reader::new(&mut next);
    let state = State::load(&mut from)?;
    from.finish()?;
    Ok(state)
}

#[test]
fn a_desk_that_nothing_has_reached_is_read_back() {
    assert_eq!(read(&written(&State::default())), Ok(State::default()));
}

#[test]
fn layouts_of_different_types_differ() {
    assert_eq!(shape::<State>(), shape::<State>());
    assert_ne!(shape::<Vec<u32>>(), shape::<Vec<u64>>());
    assert_ne!(shape::<(u32, u64)>(), shape::<(u64, u32)>());
    assert_ne!(shape::<Option<u32>>(), shape::<u32>());
}

/// Some of everything that a layout is made of.
#[derive(Debug, Clone, PartialEq)]
struct Everything {
    name: Name,
    names: Arc<[Name]>,
    texts: Box<[Name]>,
    by_number: BTreeMap<u32, Name>,
    numbers: BTreeSet<u64>,
    looked_up: Map<u32, i64>,
    digest: [u8; 16],
    counts: [u32; 4],
    back: VecDeque<u32>,
    said: String,
    flag: bool,
    amount: i32,
    maybe: Option<u32>,
    pairs: Vec<(u32, i64)>,
    valued: BTreeMap<u32, i64>,
    last: u8,
}

simpang_domain::stored!(struct Everything {
    name, names, texts, by_number, numbers, looked_up, digest, counts, back, said, flag, amount,
    maybe as Maybe<Own>, pairs as Each<Pair<Own, Own>>, valued as Values<Own>, last,
});

#[test]
fn everything_a_layout_is_made_of_is_read_back() {
    let names: Vec<Name> = vec!["satu".into(), "".into(), "tiga".into()];
    for maybe in [None, Some(7)] {
        let whole = Everything {
            name: "antrean".into(),
            names: names.clone().into(),
            texts: names.clone().into(),
            by_number: (0..).zip(names.clone()).collect(),
            numbers: [1, u64::MAX].into(),
            looked_up: [(3, -4)].into_iter().collect(),
            digest: [9; 16],
            counts: [1, 2, 3, 4],
            back: [8, 9].into(),
            said: "kata".into(),
            flag: true,
            amount: -5,
            maybe,
            pairs: vec![(1, -1), (2, i64::MIN)],
            valued: [(5, -6)].into(),
            last: 200,
        };
        let mut parts = Vec::new();
        let mut give = |part| parts.push(part);
        let mut to = Writer::in_parts_of(PART_BYTES, &mut give);
        whole.store(&mut to);
        to.finish();
        let mut parts = parts.into_iter();
        let mut next = || parts.next();
        let mut from = Reader::new(&mut next);
        assert_eq!(Everything::load(&mut from).as_ref(), Ok(&whole));
        from.finish().unwrap();
    }
}

#[test]
fn everything_a_layout_is_made_of_is_described_in_it() {
    macro_rules! each {
        ($($of:ty),+ $(,)?) => { [$((stringify!($of), shape::<$of>())),+] };
    }
    let shapes = each![
        Name, Arc<[Name]>, Vec<u32>, Box<[Name]>, BTreeMap<u32, u32>, BTreeMap<u32, u64>, BTreeSet<u32>, Map<u32, u32>, String,
        [u8; 16], [u32; 4], bool, u8, u32, u64, i32, i64, Option<u32>, Option<u64>, (u32, u64), (u64, u32), Everything,
    ];
    let nothing = Shape::new().number();
    let mut ways = Shape::new();
    <Pair<Own, Own> as Way<(u32, u64)>>::shape(&mut ways);
    assert_eq!(ways.number(), shape::<(u32, u64)>(), "the same bytes either way");
    for (at, (of, number)) in shapes.iter().enumerate() {
        assert_ne!(*number, nothing, "{of} says nothing of itself");
        let same: Vec<_> = shapes[..at].iter().filter(|(_, other)| other == number).collect();
        let lists = |of: &str| of.contains("[Name]");
        assert!(same.iter().all(|(other, _)| lists(of) && lists(other)), "{of} is described like {same:?}");
    }
}

#[test]
fn a_number_of_more_than_64_bits_is_damage() {
    for bytes in [[0xff; 10].to_vec(), [[0xff; 9].as_slice(), &[2]].concat(), vec![0x80], Vec::new()] {
        let mut parts = std::iter::once(bytes);
        let mut next = || parts.next();
        assert!(Reader::new(&mut next).number().is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_desk_that_is_read_back_goes_on_like_the_one_that_was_written(
        steps in proptest::collection::vec(moves(), 10..80), cut in 0..200usize
    ) {
        let trial = play(steps);
        let cut = cut % trial.history.len();
        let mut whole = Desk::new(ruled());
        for (input, events) in &trial.history[..cut] {
            whole.fold(input, events, trial.rules_of(input.id));
        }
        let parts = written(whole.state());
        let state = read(&parts).unwrap();
        prop_assert_eq!(&state, whole.state());
        prop_assert_eq!(written(&state), parts, "the same state gives the same bytes");
        let mut resumed = Desk::resumed(state, whole.rules().clone());
        for (input, events) in &trial.history[cut..] {
            prop_assert_eq!(&resumed.judge(input, trial.rules_of(input.id)), events);
            whole.fold(input, events, trial.rules_of(input.id));
        }
        prop_assert_eq!(resumed.state(), whole.state());
    }

    #[test]
    fn damage_is_an_error_or_another_state_and_never_a_panic(
        steps in proptest::collection::vec(moves(), 10..40), at in any::<usize>(), bit in 0..8u8, cut: bool
    ) {
        let mut bytes = written(play(steps).desk.state()).concat();
        let whole = read(&[bytes.clone()]).unwrap();
        let at = at % bytes.len();
        if cut {
            bytes.truncate(at);
        } else {
            bytes[at] ^= 1 << bit;
        }
        prop_assert!(read(&[bytes]).ok() != Some(whole));
    }
}
