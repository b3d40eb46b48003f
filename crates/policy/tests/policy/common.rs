//! The shipped policy's files and a case to ask it about, for tests.

use std::path::Path;

use simpang_domain::facts::{CaseFacts, Customer, Facts, Value};
use simpang_domain::input::AgentRecord;
use simpang_domain::words::{Channel, Millis, Name, Occasion, Role, Visibility};
use simpang_policy::{Compiled, compile};

/// All files of `policies/telkom`, by path within it.
pub(crate) fn telkom_files() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies/telkom");
    let mut files = Vec::new();
    read_folder(&root, &root, &mut files);
    files.sort();
    files
}

/// The shipped policy of a desk.
pub(crate) fn telkom(desk: &str) -> Compiled {
    compile(desk, &telkom_files()).unwrap_or_else(|problems| {
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        panic!("policies/telkom does not compile for {desk}:\n{}", lines.join("\n"))
    })
}

fn read_folder(root: &Path, folder: &Path, files: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_folder(root, &path, files);
        } else {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
            files.push((name, std::fs::read_to_string(&path).unwrap()));
        }
    }
}

/// A time, written as RFC 3339.
pub(crate) fn at(text: &str) -> Millis {
    chrono::DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis()
}

/// A case as rules see it; begins as a public post on X of somebody unknown.
#[derive(Clone)]
pub(crate) struct Case {
    pub(crate) channel: Channel,
    pub(crate) campaign: Option<&'static str>,
    pub(crate) criterion: Option<&'static str>,
    pub(crate) message: Facts,
    pub(crate) customer: Option<Customer>,
    pub(crate) category: Vec<Name>,
    pub(crate) facts: Facts,
}

impl Case {
    pub(crate) fn on(channel: Channel) -> Self {
        Self {
            channel,
            campaign: None,
            criterion: None,
            message: Facts::default(),
            customer: None,
            category: Vec::new(),
            facts: Facts::default(),
        }
    }

    pub(crate) fn of_campaign(campaign: &'static str, criterion: Option<&'static str>) -> Self {
        Self { campaign: Some(campaign), criterion, ..Self::on(Channel::Call) }
    }

    pub(crate) fn segment(mut self, segment: &str) -> Self {
        self.customer().segment = Some(segment.into());
        self
    }

    pub(crate) fn profession(mut self, profession: &str) -> Self {
        self.customer().profession = Some(profession.into());
        self
    }

    pub(crate) fn vvip(mut self) -> Self {
        self.customer().facts.set("vvip".into(), Value::Flag(true));
        self
    }

    pub(crate) fn category(mut self, path: &[&str]) -> Self {
        self.category = path.iter().map(|label| Name::from(*label)).collect();
        self
    }

    pub(crate) fn mentions(mut self, handles: &[&str]) -> Self {
        let handles = handles.iter().map(|handle| Name::from(*handle)).collect();
        self.message.set("mentions".into(), Value::Texts(handles));
        self
    }

    pub(crate) fn fact(mut self, name: &str, value: Value) -> Self {
        self.facts.set(name.into(), value);
        self
    }

    fn customer(&mut self) -> &mut Customer {
        self.customer.get_or_insert_with(|| Customer { id: Some("c1".into()), ..Customer::default() })
    }

    pub(crate) fn facts(&self) -> CaseFacts<'_> {
        CaseFacts {
            occasion: Occasion::Received,
            channel: self.channel,
            account: "telkomcare",
            visibility: Visibility::Public,
            campaign: self.campaign,
            criterion: self.criterion,
            message: &self.message,
            customer: self.customer.as_ref(),
            category: &self.category,
            case: &self.facts,
        }
    }
}

/// An agent's record: an agent of the shop floor with no skills, since the beginning of 2020.
pub(crate) fn agent() -> AgentRecord {
    AgentRecord {
        agent: "a1".into(),
        roles: vec![Role::Agent],
        skills: Vec::new(),
        site: None,
        groups: Vec::new(),
        since: Some(at("2020-01-01T00:00:00+07:00")),
        qa_met: Vec::new(),
        facts: Facts::default(),
        capacities: Vec::new(),
        inactive: false,
    }
}
