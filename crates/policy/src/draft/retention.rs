//! How long records are kept, and who answers for them (L2). No decision depends on it.

use super::Draft;
use crate::parts::Retention;
use crate::read::Section;

impl Draft {
    /// `[retention]`: live, archive, responsible, document.
    pub(super) fn read_retention(&mut self, top: &Section<'_>) {
        let Some(section) = top.section("retention") else { return };
        if self.retention.is_some() {
            section
                .report
                .error(section.spot, "a desk has one [retention]; another stands in an earlier file");
        }
        let (live, archive) = (section.need_millis("live"), section.need_millis("archive"));
        let responsible = section.need_text("responsible");
        let document = section.text("document").map_or_else(|| "".into(), |t| t.name());
        if let (Some(live_ms), Some(archive_ms), Some(responsible)) = (live, archive, responsible) {
            if archive_ms < live_ms {
                let problem =
                    "`archive` counts from when a record was written, as `live` does: it can't be shorter";
                section.report.error(section.spot_of("archive"), problem);
            }
            if responsible.value.trim().is_empty() {
                section.report.error(responsible.spot, "`responsible` names nobody");
            }
            self.retention =
                Some(Retention { live_ms, archive_ms, responsible: responsible.name(), document });
        }
        section.finish();
    }
}
