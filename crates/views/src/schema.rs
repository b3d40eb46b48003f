//! The tables. Every one is a fold of the log; a change here raises [`VERSION`], and files of an older version are
//! thrown away and built anew.
//!
//! Times are ms since 1970 UTC, 0 for none; enumerations carry the numbers of `simpang.log.v1` (a case's state those
//! of `simpang.view.v1`); lists of texts and facts are JSON; personal content is kept as the message it came as.

/// Version of the tables.
pub(crate) const VERSION: i64 = 9;

/// Every table whose rows a build of the log determines, with the order in which [`crate::Views::digest`] reads them.
pub(crate) const TABLES: &[(&str, &str)] = &[
    ("meta", "name"),
    ("cases", "id"),
    ("clocks", "case_id, clock"),
    ("dims", "id"),
    ("attainment", "slot, dim, clock"),
    ("solved", "slot, dim"),
    ("messages", "seq, idx, part"),
    ("withdrawn", "account, source"),
    ("edits", "seq, idx, part, n"),
    ("changes", "seq, idx"),
    ("deliveries", "seq, idx, part"),
    ("notes", "seq, idx"),
    ("said", "id"),
    ("search", "rowid"),
    ("refs", "case_id, system, number"),
    ("faults", "seq, idx"),
    ("escalations", "seq, idx"),
    ("dispositions", "seq, idx"),
    ("assignments", "seq, idx"),
    ("classifications", "seq, idx"),
    ("contacts", "case_id"),
    ("parties", "author, case_id"),
    ("agents", "agent"),
    ("presence", "agent, seq, idx"),
    ("audit", "seq, idx"),
    ("case_places", "case_id, seq, idx"),
    ("agent_places", "agent, seq, idx"),
    ("minutes", "minute"),
    ("pending", "seq, idx"),
    ("refused", "seq, idx"),
    ("customers", "id"),
    ("customer_values", "value, customer"),
];

/// Settings of every connection. `secure_delete` overwrites what a customer withdrew.
pub(crate) const SETTINGS: &str = "
PRAGMA secure_delete = ON;
PRAGMA temp_store = MEMORY;
PRAGMA cache_size = -16000;
";

/// Makes the tables in an empty file.
pub(crate) const CREATE: &str = "
CREATE TABLE meta (name TEXT PRIMARY KEY, value ANY) STRICT, WITHOUT ROWID;

CREATE TABLE cases (
    id INTEGER PRIMARY KEY, state INTEGER NOT NULL, channel INTEGER NOT NULL, account TEXT NOT NULL,
    campaign TEXT NOT NULL, customer TEXT NOT NULL, from_name TEXT NOT NULL, segment TEXT NOT NULL,
    profession TEXT NOT NULL, priority TEXT NOT NULL, queue TEXT NOT NULL, assignee TEXT NOT NULL,
    category TEXT NOT NULL, subject TEXT NOT NULL, titled INTEGER NOT NULL, facts TEXT NOT NULL,
    rule TEXT NOT NULL, skills TEXT NOT NULL, sla TEXT NOT NULL, actions TEXT NOT NULL,
    widening INTEGER NOT NULL, follows INTEGER NOT NULL, split_from INTEGER NOT NULL,
    merged_into INTEGER NOT NULL, handed_over_to TEXT NOT NULL, handover_failed TEXT NOT NULL,
    outcome TEXT NOT NULL,
    arrived_ms INTEGER NOT NULL, opened_ms INTEGER NOT NULL, changed_ms INTEGER NOT NULL,
    queued_ms INTEGER NOT NULL, assigned_ms INTEGER NOT NULL, resolved_ms INTEGER NOT NULL,
    closed_ms INTEGER NOT NULL, scheduled_ms INTEGER NOT NULL, last_message_ms INTEGER NOT NULL,
    last_reply_ms INTEGER NOT NULL, first_reply_ms INTEGER NOT NULL, deadline_ms INTEGER NOT NULL,
    key_ms INTEGER NOT NULL, close_reason INTEGER NOT NULL, categorised_by TEXT NOT NULL,
    identified_by TEXT NOT NULL, messages INTEGER NOT NULL, assignments INTEGER NOT NULL,
    reopenings INTEGER NOT NULL, transfers INTEGER NOT NULL, breached INTEGER NOT NULL,
    unanswered INTEGER NOT NULL, followers TEXT NOT NULL, handler TEXT NOT NULL, course INTEGER NOT NULL,
    solved INTEGER NOT NULL, solved_ms INTEGER NOT NULL, solved_dim INTEGER NOT NULL
) STRICT;
CREATE INDEX cases_by_state ON cases (state, queue);
CREATE INDEX cases_by_assignee ON cases (assignee) WHERE assignee <> '';
CREATE INDEX cases_by_customer ON cases (customer) WHERE customer <> '';
CREATE INDEX cases_by_campaign ON cases (campaign, state) WHERE campaign <> '';
CREATE INDEX cases_by_merge ON cases (merged_into) WHERE merged_into <> 0;

CREATE TABLE clocks (
    case_id INTEGER NOT NULL, clock INTEGER NOT NULL, state INTEGER NOT NULL, breached INTEGER NOT NULL,
    sla TEXT NOT NULL, calendar TEXT NOT NULL, target_ms INTEGER NOT NULL, started_ms INTEGER NOT NULL,
    deadline_ms INTEGER NOT NULL, remaining_ms INTEGER NOT NULL, warned INTEGER NOT NULL,
    elapsed_ms INTEGER NOT NULL, ended_ms INTEGER NOT NULL, runs INTEGER NOT NULL, from_ms INTEGER NOT NULL,
    dim INTEGER NOT NULL,
    PRIMARY KEY (case_id, clock)
) STRICT, WITHOUT ROWID;
CREATE INDEX clocks_running ON clocks (breached, deadline_ms) WHERE state = 1;
CREATE INDEX clocks_live ON clocks (state) WHERE state IN (1, 2);

CREATE TABLE dims (
    id INTEGER PRIMARY KEY, queue TEXT NOT NULL, priority TEXT NOT NULL, segment TEXT NOT NULL,
    agent TEXT NOT NULL, campaign TEXT NOT NULL,
    UNIQUE (queue, priority, segment, agent, campaign)
) STRICT;
CREATE TABLE attainment (
    slot INTEGER NOT NULL, dim INTEGER NOT NULL, clock INTEGER NOT NULL,
    started INTEGER NOT NULL, met INTEGER NOT NULL, breached INTEGER NOT NULL, met_late INTEGER NOT NULL,
    cancelled INTEGER NOT NULL, elapsed_ms INTEGER NOT NULL, times BLOB NOT NULL,
    PRIMARY KEY (slot, dim, clock)
) STRICT, WITHOUT ROWID;
CREATE TABLE solved (
    slot INTEGER NOT NULL, dim INTEGER NOT NULL, cases INTEGER NOT NULL, at_first INTEGER NOT NULL,
    came_back INTEGER NOT NULL, moved INTEGER NOT NULL, escalated INTEGER NOT NULL, faults INTEGER NOT NULL,
    PRIMARY KEY (slot, dim)
) STRICT, WITHOUT ROWID;

CREATE TABLE messages (
    seq INTEGER NOT NULL, idx INTEGER NOT NULL, part INTEGER NOT NULL, case_id INTEGER NOT NULL,
    at_ms INTEGER NOT NULL, sent_ms INTEGER NOT NULL, channel INTEGER NOT NULL, account TEXT NOT NULL,
    public INTEGER NOT NULL, automatic INTEGER NOT NULL, joined_by INTEGER NOT NULL, author BLOB NOT NULL,
    source BLOB NOT NULL, malformed TEXT NOT NULL, raw_digest BLOB NOT NULL, content BLOB NOT NULL, edited_ms INTEGER NOT NULL,
    removed_ms INTEGER NOT NULL, reread_ms INTEGER NOT NULL,
    PRIMARY KEY (seq, idx, part)
) STRICT, WITHOUT ROWID;
CREATE INDEX messages_by_case ON messages (case_id, seq, idx, part);
CREATE INDEX messages_by_source ON messages (source) WHERE length(source) > 0;

CREATE TABLE withdrawn (
    account TEXT NOT NULL, source BLOB NOT NULL,
    PRIMARY KEY (account, source)
) STRICT, WITHOUT ROWID;

CREATE TABLE edits (
    seq INTEGER NOT NULL, idx INTEGER NOT NULL, part INTEGER NOT NULL, n INTEGER NOT NULL,
    at_ms INTEGER NOT NULL, subject TEXT NOT NULL, text TEXT NOT NULL,
    PRIMARY KEY (seq, idx, part, n)
) STRICT, WITHOUT ROWID;

CREATE TABLE changes (
    seq INTEGER NOT NULL, idx INTEGER NOT NULL, of_seq INTEGER NOT NULL, of_idx INTEGER NOT NULL,
    part INTEGER NOT NULL,
    PRIMARY KEY (seq, idx)
) STRICT, WITHOUT ROWID;

CREATE TABLE deliveries (
    seq INTEGER NOT NULL, idx INTEGER NOT NULL, part INTEGER NOT NULL, case_id INTEGER NOT NULL,
    kind INTEGER NOT NULL, state INTEGER NOT NULL, at_ms INTEGER NOT NULL, changed_ms INTEGER NOT NULL,
    channel INTEGER NOT NULL, account TEXT NOT NULL, agent TEXT NOT NULL, to_seq INTEGER NOT NULL,
    to_idx INTEGER NOT NULL, reply_kind INTEGER NOT NULL, template TEXT NOT NULL, target TEXT NOT NULL,
    content BLOB NOT NULL, category TEXT NOT NULL, attempts INTEGER NOT NULL, detail TEXT NOT NULL,
    not_before_ms INTEGER NOT NULL, source_id TEXT NOT NULL, source BLOB NOT NULL,
    PRIMARY KEY (seq, idx, part)
) STRICT, WITHOUT ROWID;
CREATE INDEX deliveries_by_case ON deliveries (case_id, seq, idx, part);

CREATE TABLE notes (
    seq INTEGER NOT NULL, idx INTEGER NOT NULL, case_id INTEGER NOT NULL, at_ms INTEGER NOT NULL,
    agent TEXT NOT NULL, coaching INTEGER NOT NULL, content BLOB NOT NULL,
    PRIMARY KEY (seq, idx)
) STRICT, WITHOUT ROWID;
CREATE INDEX notes_by_case ON notes (case_id, seq, idx);

CREATE TABLE said (
    id INTEGER PRIMARY KEY, seq INTEGER NOT NULL, idx INTEGER NOT NULL, part INTEGER NOT NULL,
    kind TEXT NOT NULL, case_id INTEGER NOT NULL, at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX said_by_place ON said (seq, idx, part);
CREATE INDEX said_by_case ON said (case_id);
CREATE VIRTUAL TABLE search USING fts5 (subject, text, tokenize = 'unicode61 remove_diacritics 2');
INSERT INTO search (search, rank) VALUES ('secure-delete', 1);

CREATE TABLE refs (
    case_id INTEGER NOT NULL, system TEXT NOT NULL, number TEXT NOT NULL, status TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    PRIMARY KEY (case_id, system, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX refs_by_number ON refs (number);

CREATE TABLE faults (
    seq INTEGER NOT NULL, idx INTEGER NOT NULL, case_id INTEGER NOT NULL, at_ms INTEGER NOT NULL,
    agent TEXT NOT NULL, product BLOB NOT NULL, number TEXT NOT NULL, subject TEXT NOT NULL,
    system TEXT NOT NULL, repeats INTEGER NOT NULL, content BLOB NOT NULL, choices TEXT NOT NULL,
    ended_ms INTEGER NOT NULL, ended_by TEXT NOT NULL,
    PRIMARY KEY (seq, idx)
) STRICT, WITHOUT ROWID;
CREATE INDEX faults_by_case ON faults (case_id, seq, idx);
CREATE INDEX faults_by_number ON faults (number);

CREATE TABLE escalations (
    seq INTEGER NOT NULL, idx INTEGER NOT NULL, case_id INTEGER NOT NULL, at_ms INTEGER NOT NULL,
    step TEXT NOT NULL, team TEXT NOT NULL, agent TEXT NOT NULL, cause TEXT NOT NULL, content BLOB NOT NULL,
    PRIMARY KEY (seq, idx)
) STRICT, WITHOUT ROWID;
CREATE INDEX escalations_by_case ON escalations (case_id, seq, idx);

CREATE TABLE dispositions (
    seq INTEGER NOT NULL, idx INTEGER NOT NULL, case_id INTEGER NOT NULL, at_ms INTEGER NOT NULL,
    campaign TEXT NOT NULL, path TEXT NOT NULL, agent TEXT NOT NULL, attempt INTEGER NOT NULL,
    contacted INTEGER NOT NULL, answered INTEGER NOT NULL, effects TEXT NOT NULL, content BLOB NOT NULL,
    again_ms INTEGER NOT NULL, dialled INTEGER NOT NULL,
    PRIMARY KEY (seq, idx)
) STRICT, WITHOUT ROWID;
CREATE INDEX dispositions_by_case ON dispositions (case_id, seq, idx);
CREATE INDEX dispositions_by_campaign ON dispositions (campaign, path);

CREATE TABLE assignments (
    seq INTEGER NOT NULL, idx INTEGER NOT NULL, case_id INTEGER NOT NULL, at_ms INTEGER NOT NULL,
    agent TEXT NOT NULL, offered INTEGER NOT NULL, way INTEGER NOT NULL, explanation BLOB NOT NULL,
    ended_ms INTEGER NOT NULL, ended_by TEXT NOT NULL,
    PRIMARY KEY (seq, idx)
) STRICT, WITHOUT ROWID;
CREATE INDEX assignments_by_case ON assignments (case_id, seq, idx);
CREATE INDEX assignments_by_agent ON assignments (agent, at_ms);

CREATE TABLE classifications (
    seq INTEGER NOT NULL, idx INTEGER NOT NULL, case_id INTEGER NOT NULL, at_ms INTEGER NOT NULL,
    rule TEXT NOT NULL, occasion INTEGER NOT NULL, policy_version INTEGER NOT NULL, segment TEXT NOT NULL,
    priority TEXT NOT NULL, queue TEXT NOT NULL, skills TEXT NOT NULL, sla TEXT NOT NULL, actions TEXT NOT NULL,
    PRIMARY KEY (seq, idx)
) STRICT, WITHOUT ROWID;
CREATE INDEX classifications_by_case ON classifications (case_id, seq, idx);

CREATE TABLE contacts (
    case_id INTEGER PRIMARY KEY, row TEXT NOT NULL, criterion TEXT NOT NULL, zone TEXT NOT NULL,
    content BLOB NOT NULL
) STRICT;

CREATE TABLE parties (
    author BLOB NOT NULL, case_id INTEGER NOT NULL,
    PRIMARY KEY (author, case_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX parties_by_case ON parties (case_id);

CREATE TABLE agents (
    agent TEXT PRIMARY KEY, record BLOB NOT NULL, inactive INTEGER NOT NULL, session TEXT NOT NULL,
    gateway TEXT NOT NULL, signed_in_ms INTEGER NOT NULL, presence INTEGER NOT NULL, reason TEXT NOT NULL,
    auto INTEGER NOT NULL, since_ms INTEGER NOT NULL, pulling INTEGER NOT NULL, pull_expires_ms INTEGER NOT NULL,
    pull_seq INTEGER NOT NULL, pull_idx INTEGER NOT NULL, last_assigned_ms INTEGER NOT NULL,
    admissions TEXT NOT NULL, session_limit BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE presence (
    agent TEXT NOT NULL, seq INTEGER NOT NULL, idx INTEGER NOT NULL, from_ms INTEGER NOT NULL,
    to_ms INTEGER NOT NULL, presence INTEGER NOT NULL, reason TEXT NOT NULL,
    PRIMARY KEY (agent, seq, idx)
) STRICT, WITHOUT ROWID;

CREATE INDEX presence_open ON presence (agent) WHERE to_ms = 0;

CREATE TABLE audit (
    seq INTEGER NOT NULL, idx INTEGER NOT NULL, kind INTEGER NOT NULL, at_ms INTEGER NOT NULL,
    case_id INTEGER NOT NULL,
    PRIMARY KEY (seq, idx)
) STRICT, WITHOUT ROWID;
CREATE INDEX audit_by_kind ON audit (kind, seq, idx);
CREATE TABLE case_places (
    case_id INTEGER NOT NULL, seq INTEGER NOT NULL, idx INTEGER NOT NULL,
    PRIMARY KEY (case_id, seq, idx)
) STRICT, WITHOUT ROWID;
CREATE TABLE agent_places (
    agent TEXT NOT NULL, seq INTEGER NOT NULL, idx INTEGER NOT NULL,
    PRIMARY KEY (agent, seq, idx)
) STRICT, WITHOUT ROWID;
CREATE TABLE minutes (minute INTEGER PRIMARY KEY, seq INTEGER NOT NULL) STRICT;

CREATE TABLE pending (
    seq INTEGER NOT NULL, idx INTEGER NOT NULL, at_ms INTEGER NOT NULL, input BLOB NOT NULL,
    PRIMARY KEY (seq, idx)
) STRICT, WITHOUT ROWID;
CREATE TABLE refused (
    seq INTEGER NOT NULL, idx INTEGER NOT NULL, at_ms INTEGER NOT NULL, kind INTEGER NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (seq, idx)
) STRICT, WITHOUT ROWID;

CREATE TABLE customers (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, folded_name TEXT NOT NULL, record BLOB NOT NULL,
    removed INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE customer_values (
    value TEXT NOT NULL, customer TEXT NOT NULL,
    PRIMARY KEY (value, customer)
) STRICT, WITHOUT ROWID;
CREATE INDEX customer_values_by_customer ON customer_values (customer);
";
