//! Rosters: who is on duty for a group, by the week and by single days, in a zone (D4, D5).

use std::collections::BTreeMap;

use simpang_domain::event::OnDuty;
use simpang_domain::words::{Millis, Name};

use crate::calendar::{Calendar, day_of};

/// Who is on duty for a group.
#[derive(Debug)]
pub(crate) struct Roster {
    pub(crate) group: Name,
    /// The week's shifts, in the file's order.
    pub(crate) shifts: Vec<Shift>,
    /// Days since 1970 on which the week does not hold, with what holds instead.
    pub(crate) exceptions: BTreeMap<i64, Vec<Shift>>,
}

/// Hours of some people.
#[derive(Debug)]
pub(crate) struct Shift {
    /// Who; nobody in an exception that leaves its hours without.
    pub(crate) agents: Vec<Name>,
    /// Its name, zone and hours.
    pub(crate) hours: Calendar,
}

impl Roster {
    /// Who is on duty at a time, in the file's order, each once.
    pub(crate) fn on_duty(&self, at: Millis) -> Vec<OnDuty> {
        let mut found: Vec<OnDuty> = Vec::new();
        for shift in
            self.shifts_of(at).iter().filter(|shift| shift.hours.open_from(shift.hours.zone, at) == at)
        {
            for agent in &shift.agents {
                if found.iter().all(|on| on.agent != *agent) {
                    found.push(OnDuty { agent: agent.clone(), shift: shift.hours.name.clone() });
                }
            }
        }
        found
    }

    fn shifts_of(&self, at: Millis) -> &[Shift] {
        let Some(any) = self.shifts.first() else { return &[] };
        let (day, _) = day_of(any.hours.zone, at);
        self.exceptions.get(&day).unwrap_or(&self.shifts)
    }
}
