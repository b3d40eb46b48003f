//! One desk's database: opening it, folding entries into it, its position, its digest.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, OptionalExtension, params};
use sha2::{Digest as _, Sha256};
use simpang_log::chain::{Anchor, CommitRef};
use simpang_log::tail::Entry;
use simpang_log::{DeskName, DirectoryChange};
use simpang_proto::log::v1 as log;
use thiserror::Error;

use crate::fold::{Changes, Fold, Memory};
use crate::read::Snapshot;
use crate::row::{int, uint};
use crate::schema;

/// Statements kept ready on a connection: more than there are in this crate.
const STATEMENTS: usize = 256;

/// How long a connection waits for another's lock, ms. Only a swap of files and the checkpoint ever take it long.
const BUSY_MS: u64 = 5_000;

/// Memory for pages of a file that is being written, as SQLite takes it: less than 0 is KiB.
const WRITING_CACHE: i64 = -64 * 1024;
/// The same for one that is being built, which nobody reads meanwhile.
const BUILDING_CACHE: i64 = -128 * 1024;
/// Pages in the write-ahead log before they are copied into the file: the same few pages are written over and over, and
/// are copied once.
const CHECKPOINT_PAGES: i64 = 8_000;

/// A view that can't be opened, read or written.
#[derive(Debug, Error)]
pub enum ViewsError {
    /// The database said no.
    #[error("the view's database failed: {0}")]
    Database(#[from] rusqlite::Error),
    /// A file can't be made, moved or removed.
    #[error("the view's file {path} can't be used: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file was written by a newer program.
    #[error(
        "the view {path} has tables of version {found}, this program knows {known}: start a newer program, or \
             remove the file to have it built anew"
    )]
    Newer {
        /// Which file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The highest known here.
        known: i64,
    },
    /// The file is another desk's.
    #[error("the view {path} is of desk {found}, not of {wanted}")]
    OtherDesk {
        /// Which file.
        path: PathBuf,
        /// Whose it is.
        found: String,
        /// Whose it was to be.
        wanted: String,
    },
    /// An entry does not follow the last one that was folded.
    #[error("the view stands at {position}, and the entry at {found} does not follow it")]
    Gap {
        /// Last sequence folded.
        position: u64,
        /// Sequence given.
        found: u64,
    },
    /// A request that can't be answered; says what and where.
    #[error("{0}")]
    Request(String),
}

/// How far a view is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The last record folded; 0: none.
    pub seq: u64,
    /// That record's time, ms since 1970 UTC.
    pub at_ms: i64,
    /// From where [`simpang_log::Tail`] reads on.
    pub anchor: Anchor,
    /// The last record of the customer directory folded; 0: none.
    pub directory_seq: u64,
}

impl Position {
    const START: Self = Self { seq: 0, at_ms: 0, anchor: Anchor::Start, directory_seq: 0 };
}

/// What [`Views::open`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opened {
    /// Nothing; a new file was made.
    New,
    /// A file that goes on where it was.
    Resumed,
    /// A file of an older version, which was thrown away.
    Outdated {
        /// Its version.
        version: i64,
    },
}

/// One desk's tables, open for writing. There is at most one writer a file.
pub struct Views {
    conn: Connection,
    path: Option<PathBuf>,
    memory: Memory,
    position: Position,
}

impl Views {
    /// Opens a desk's file, or makes it. One of an older version is removed and made anew.
    ///
    /// # Errors
    /// [`ViewsError::Newer`] and [`ViewsError::OtherDesk`]; when the file can't be used.
    pub fn open(path: &Path, desk: &DeskName) -> Result<(Self, Opened), ViewsError> {
        let existed = path.exists();
        let mut conn = connect(path)?;
        let opened = match version_of(&conn)? {
            None if existed => Opened::Outdated { version: 0 },
            None => Opened::New,
            Some(found) if found > schema::VERSION => {
                return Err(ViewsError::Newer { path: path.into(), found, known: schema::VERSION });
            }
            Some(schema::VERSION) => Opened::Resumed,
            Some(version) => Opened::Outdated { version },
        };
        if matches!(opened, Opened::Outdated { .. }) {
            drop(conn);
            remove(path)?;
            conn = connect(path)?;
        }
        if opened != Opened::Resumed {
            create(&mut conn, desk)?;
        }
        let found: String = meta(&conn, "desk")?.unwrap_or_default();
        if found != desk.as_str() {
            return Err(ViewsError::OtherDesk { path: path.into(), found, wanted: desk.to_string() });
        }
        let position = read_position(&conn)?;
        Ok((Self { conn, path: Some(path.into()), memory: Memory::default(), position }, opened))
    }

    /// A new file that is built beside the one in use and then put in its place by [`Self::swap_into`]. What is there is
    /// removed. Nothing of it is safe before it is in its place: after a crash, or when folding fails, it has to be
    /// begun again.
    ///
    /// # Errors
    /// When the file can't be made.
    pub fn begin(path: &Path, desk: &DeskName) -> Result<Self, ViewsError> {
        remove(path)?;
        let mut conn = Connection::open(path)?;
        conn.query_row("PRAGMA journal_mode = OFF", [], |_| Ok(()))?;
        conn.pragma_update(None, "synchronous", "OFF")?;
        settle(&conn)?;
        conn.pragma_update(None, "cache_size", BUILDING_CACHE)?;
        create(&mut conn, desk)?;
        Ok(Self { conn, path: Some(path.into()), memory: Memory::default(), position: Position::START })
    }

    /// Tables in memory only, for a state at a time and for tests.
    ///
    /// # Errors
    /// When SQLite has no memory.
    pub fn in_memory(desk: &DeskName) -> Result<Self, ViewsError> {
        let mut conn = Connection::open_in_memory()?;
        settle(&conn)?;
        create(&mut conn, desk)?;
        Ok(Self { conn, path: None, memory: Memory::default(), position: Position::START })
    }

    /// How far the view is.
    #[must_use]
    pub fn position(&self) -> Position {
        self.position
    }

    /// The file; none for tables in memory.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Folds entries of the desk's log, in one transaction with the new position. Entries that were folded before are
    /// passed over: a [`simpang_log::Tail`] that begins at [`Position::anchor`] brings unjudged inputs again.
    ///
    /// # Errors
    /// [`ViewsError::Gap`] when they do not follow; when the database fails. Nothing is folded then.
    pub fn fold(&mut self, entries: &[Entry]) -> Result<Changes, ViewsError> {
        let folded = self.try_fold(entries);
        if folded.is_err() {
            self.memory = Memory::default();
        }
        let (position, changes) = folded?;
        self.position = position;
        if changes.withdrawn {
            // The write-ahead log still holds the text that was withdrawn; a reader in the way is no failure.
            let _ = self.conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        }
        Ok(changes)
    }

    fn try_fold(&mut self, entries: &[Entry]) -> Result<(Position, Changes), ViewsError> {
        let mut position = self.position;
        let transaction = self.conn.transaction()?;
        let mut fold = Fold::new(&transaction, &mut self.memory);
        for entry in entries.iter().filter(|entry| entry.seq > self.position.seq) {
            if entry.seq != position.seq + 1 {
                return Err(ViewsError::Gap { position: position.seq, found: entry.seq });
            }
            fold.entry(entry)?;
            position.seq = entry.seq;
            position.at_ms = entry.at_ms;
            if let simpang_log::Body::Commit { commit, .. } = &entry.body {
                position.anchor = Anchor::Commit(CommitRef::of(entry.seq, &entry.payload, commit));
            }
        }
        let changes = fold.finish()?;
        write_position(&transaction, &position)?;
        transaction.commit()?;
        Ok((position, changes))
    }

    /// Folds records of the customer directory, in one transaction with their position.
    ///
    /// # Errors
    /// When the database fails. Nothing is folded then.
    pub fn fold_directory(&mut self, changes: &[DirectoryChange]) -> Result<(), ViewsError> {
        let Some(last) = changes.last() else { return Ok(()) };
        let transaction = self.conn.transaction()?;
        for change in changes.iter().filter(|change| change.seq > self.position.directory_seq) {
            if let Ok(record) = &change.record {
                crate::fold::directory(&transaction, record)?;
            }
        }
        let mut position = self.position;
        position.directory_seq = last.seq.max(position.directory_seq);
        write_position(&transaction, &position)?;
        transaction.commit()?;
        self.position = position;
        Ok(())
    }

    /// Folds single events, without a chain to check: those of one case up to a time, to show the state it had.
    /// `inputs` are those that the events refer to.
    ///
    /// # Errors
    /// When the database fails.
    pub fn fold_selected(
        &mut self,
        inputs: Vec<(log::InputId, i64, log::Input)>,
        events: &[(log::InputId, u64, log::Event)],
    ) -> Result<(), ViewsError> {
        let transaction = self.conn.transaction()?;
        let mut fold = Fold::new(&transaction, &mut self.memory);
        fold.provide(inputs);
        for (place, policy, event) in events {
            fold.event(place.seq, place.index, *policy, event)?;
        }
        fold.finish()?;
        transaction.commit()?;
        Ok(())
    }

    /// What the tables show now.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot<'_> {
        Snapshot::new(&self.conn)
    }

    /// SHA-256 over every row of every table, in order. Two builds of one log have the same.
    ///
    /// # Errors
    /// When the database fails.
    pub fn digest(&self) -> Result<[u8; 32], ViewsError> {
        digest(&self.conn)
    }

    /// Puts this view, built beside the one in use, in its place, and opens it there. Readers of the old file keep
    /// what they see until they open it again.
    ///
    /// # Errors
    /// When the files can't be moved, or this view is in memory only.
    pub fn swap_into(self, live: &Path) -> Result<Self, ViewsError> {
        let Some(beside) = self.path.clone() else {
            return Err(ViewsError::Request("tables in memory can't become a file".into()));
        };
        let desk: String = meta(&self.conn, "desk")?.unwrap_or_default();
        let desk = DeskName::new(&desk).map_err(|error| ViewsError::Request(error.to_string()))?;
        // All of it into the one file that is moved.
        self.conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        self.conn.close().map_err(|(_, error)| error)?;
        fs::File::open(&beside)
            .and_then(|file| file.sync_all())
            .map_err(|source| ViewsError::File { path: beside.clone(), source })?;
        remove(live)?;
        fs::rename(&beside, live).map_err(|source| ViewsError::File { path: live.into(), source })?;
        remove(&beside)?;
        Ok(Self::open(live, &desk)?.0)
    }
}

impl fmt::Debug for Views {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Views")
            .field("path", &self.path)
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}

/// A connection that only reads. Open as many as there are readers; after a rebuild, open them again.
pub struct Reader {
    conn: Connection,
}

impl Reader {
    /// Opens a desk's file for reading.
    ///
    /// # Errors
    /// When there is none or it can't be read.
    pub fn open(path: &Path) -> Result<Self, ViewsError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = Connection::open_with_flags(path, flags)?;
        settle(&conn)?;
        Ok(Self { conn })
    }

    /// Reads several things as of one position.
    ///
    /// # Errors
    /// Those of `read`, and when the database fails.
    pub fn read<T>(
        &mut self,
        read: impl FnOnce(&Snapshot<'_>) -> Result<T, ViewsError>,
    ) -> Result<T, ViewsError> {
        let transaction = self.conn.transaction()?;
        let answer = read(&Snapshot::new(&transaction))?;
        transaction.commit()?;
        Ok(answer)
    }

    /// As [`Views::digest`].
    ///
    /// # Errors
    /// When the database fails.
    pub fn digest(&mut self) -> Result<[u8; 32], ViewsError> {
        let transaction = self.conn.transaction()?;
        digest(&transaction)
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reader")
    }
}

/// Removes a view's file with what SQLite keeps beside it.
///
/// # Errors
/// When a file that is there can't be removed.
pub fn remove(path: &Path) -> Result<(), ViewsError> {
    for suffix in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        let path = PathBuf::from(name);
        match fs::remove_file(&path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                return Err(ViewsError::File { path, source });
            }
            _ => {}
        }
    }
    Ok(())
}

fn connect(path: &Path) -> Result<Connection, ViewsError> {
    let conn = Connection::open(path)?;
    // A power cut may take the last transactions; they are folded again from the position that is left.
    conn.pragma_update(None, "synchronous", "NORMAL")?;
    conn.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    conn.query_row(&format!("PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}"), [], |_| Ok(()))?;
    settle(&conn)?;
    conn.pragma_update(None, "cache_size", WRITING_CACHE)?;
    Ok(conn)
}

fn settle(conn: &Connection) -> Result<(), ViewsError> {
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    conn.busy_timeout(std::time::Duration::from_millis(BUSY_MS))?;
    conn.execute_batch(schema::SETTINGS)?;
    Ok(())
}

fn create(conn: &mut Connection, desk: &DeskName) -> Result<(), ViewsError> {
    let transaction = conn.transaction()?;
    transaction.execute_batch(schema::CREATE)?;
    set_meta(&transaction, "desk", desk.as_str())?;
    set_meta(&transaction, "schema", schema::VERSION)?;
    write_position(&transaction, &Position::START)?;
    transaction.commit()?;
    Ok(())
}

fn version_of(conn: &Connection) -> Result<Option<i64>, ViewsError> {
    let known = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'meta'";
    match conn.query_row(known, [], |_| Ok(())).optional()? {
        None => Ok(None),
        Some(()) => Ok(Some(meta(conn, "schema")?.unwrap_or_default())),
    }
}

pub(crate) fn meta<T: rusqlite::types::FromSql>(
    conn: &Connection,
    name: &str,
) -> Result<Option<T>, ViewsError> {
    let mut statement = conn.prepare_cached("SELECT value FROM meta WHERE name = ?")?;
    Ok(statement.query_row([name], |row| row.get(0)).optional()?)
}

pub(crate) fn set_meta(conn: &Connection, name: &str, value: impl rusqlite::ToSql) -> rusqlite::Result<()> {
    conn.prepare_cached("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)")?
        .execute(params![name, value])?;
    Ok(())
}

fn write_position(conn: &Connection, position: &Position) -> rusqlite::Result<()> {
    set_meta(conn, "seq", int(position.seq))?;
    set_meta(conn, "at_ms", position.at_ms)?;
    set_meta(conn, "directory_seq", int(position.directory_seq))?;
    if let Anchor::Commit(commit) = &position.anchor {
        set_meta(conn, "commit_seq", int(commit.seq))?;
        set_meta(conn, "commit_number", int(commit.number))?;
        set_meta(conn, "commit_digest", &commit.digest[..])?;
        set_meta(conn, "decided_seq", int(commit.decided_through.seq))?;
        set_meta(conn, "decided_index", commit.decided_through.index)?;
        set_meta(conn, "decided_step", commit.decided_through.step)?;
    }
    Ok(())
}

fn read_position(conn: &Connection) -> Result<Position, ViewsError> {
    let number = |name: &str| -> Result<u64, ViewsError> { Ok(uint(meta(conn, name)?.unwrap_or_default())) };
    let small = |name: &str| -> Result<u32, ViewsError> { Ok(meta(conn, name)?.unwrap_or_default()) };
    let anchor = match meta::<[u8; 32]>(conn, "commit_digest")? {
        None => Anchor::Start,
        Some(digest) => Anchor::Commit(CommitRef {
            seq: number("commit_seq")?,
            number: number("commit_number")?,
            digest,
            decided_through: log::Position {
                seq: number("decided_seq")?,
                index: small("decided_index")?,
                step: small("decided_step")?,
            },
        }),
    };
    let at_ms = meta(conn, "at_ms")?.unwrap_or_default();
    Ok(Position { seq: number("seq")?, at_ms, anchor, directory_seq: number("directory_seq")? })
}

fn digest(conn: &Connection) -> Result<[u8; 32], ViewsError> {
    let mut hasher = Sha256::new();
    for (table, order) in schema::TABLES {
        hasher.update(table.as_bytes());
        let key = if *table == "search" { "rowid, " } else { "" };
        let mut statement = conn.prepare(&format!("SELECT {key}* FROM {table} ORDER BY {order}"))?;
        let columns = statement.column_count();
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            for column in 0..columns {
                absorb(&mut hasher, row.get_ref(column)?);
            }
        }
    }
    Ok(hasher.finalize().into())
}

fn absorb(hasher: &mut Sha256, value: ValueRef<'_>) {
    let (tag, bytes): (u8, &[u8]) = match &value {
        ValueRef::Null => (0, &[]),
        ValueRef::Integer(number) => (1, &number.to_be_bytes()),
        ValueRef::Real(number) => (2, &number.to_be_bytes()),
        ValueRef::Text(text) => (3, text),
        ValueRef::Blob(blob) => (4, blob),
    };
    hasher.update([tag]);
    hasher.update((bytes.len() as u64).to_be_bytes());
    hasher.update(bytes);
}
