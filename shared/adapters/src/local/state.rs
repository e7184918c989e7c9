//! Heads and ledgers in one SQLite file.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use collector::{Head, LedgerHour, LedgerItem, LedgerKind, ListingState, PortError, State, Stream, Written};
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::layout::PRIVATE_DIR;

/// The longest wait for other processes' transactions, each of which takes milliseconds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(20);

/// The layout below; a file of another version is refused, not guessed at.
const SCHEMA_VERSION: i64 = 1;

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS heads (
    stream  TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    head    TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS ledger (
    stream     TEXT NOT NULL,
    kind       TEXT NOT NULL,
    hour       INTEGER NOT NULL,
    seq        INTEGER NOT NULL,
    entries    BLOB NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (stream, kind, hour, seq)
) STRICT;
CREATE INDEX IF NOT EXISTS ledger_expiry ON ledger (expires_at);
";

/// Heads and ledgers of one lake, in `{lake}/.audit-pull/state.sqlite`.
///
/// Writes are immediate transactions, so the version condition and the rows it guards are one
/// step for every process; the write-ahead log is synced at each commit, so what was reported
/// as applied survives the loss of power too.
#[derive(Debug)]
pub struct LocalState {
    path: PathBuf,
    connection: Connection,
}

impl LocalState {
    /// Opens the lake's state, making it when there is none, and forgets ledger items that expired
    /// before the oldest watermark of their stream. Watermarks go by the vendor's clock, so a clock
    /// of ours that is ahead for a while forgets nothing.
    ///
    /// # Errors
    /// When the file cannot be made or read, or is of another version.
    pub fn open(lake: &Path) -> Result<Self, PortError> {
        let directory = lake.join(PRIVATE_DIR);
        let path = directory.join("state.sqlite");
        let unusable = |error: std::io::Error| {
            PortError::person(format!("cannot open the state in {}: {error}; check --lake", directory.display()))
        };
        fs::create_dir_all(&directory).map_err(unusable)?;
        // Two processes that turn on the write-ahead log at once make each other fail without
        // waiting, so opening is done one at a time. The lock goes with the file, or the process.
        let door = fs::File::create(directory.join("state.lock")).map_err(unusable)?;
        door.lock().map_err(unusable)?;
        let connection = prepare(&path).map_err(|error| failed(&path, &error))?;
        let version: i64 =
            connection.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(|error| failed(&path, &error))?;
        if version != SCHEMA_VERSION {
            return Err(PortError::person(format!(
                "{} is of version {version}, this program knows {SCHEMA_VERSION}; use the program that made it",
                path.display()
            )));
        }
        Ok(Self { path, connection })
    }

    fn failed(&self, error: &rusqlite::Error) -> PortError {
        failed(&self.path, error)
    }

    fn read_head(&self, stream: &Stream) -> Result<Option<String>, rusqlite::Error> {
        self.connection
            .query_row("SELECT head FROM heads WHERE stream = ?1", [stream.name()], |row| row.get(0))
            .optional()
    }

    fn write_all(
        &self,
        stream: &str,
        expected: Option<u64>,
        head: (u64, &str),
        items: &[LedgerItem],
    ) -> Result<Written, rusqlite::Error> {
        let transaction = Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)?;
        if !put_head(&transaction, stream, expected, head)? {
            return Ok(Written::Refused);
        }
        let mut insert = transaction.prepare(
            "INSERT OR REPLACE INTO ledger (stream, kind, hour, seq, entries, expires_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?;
        for item in items {
            let seq = integer(item.seq)?;
            insert.execute(params![stream, kind(item.kind), item.hour, seq, item.packed(), item.expires_at])?;
        }
        drop(insert);
        transaction.commit()?;
        Ok(Written::Applied)
    }

    fn read_ledger(
        &self,
        stream: &Stream,
        of: LedgerKind,
        hour: u32,
        after_seq: Option<u64>,
    ) -> Result<Vec<LedgerItem>, rusqlite::Error> {
        let after = after_seq.map_or(Ok(-1), integer)?;
        let mut select = self.connection.prepare(
            "SELECT seq, entries, expires_at FROM ledger
             WHERE stream = ?1 AND kind = ?2 AND hour = ?3 AND seq > ?4 ORDER BY seq",
        )?;
        let rows = select.query_map(params![stream.name(), kind(of), hour, after], |row| {
            let packed: Vec<u8> = row.get(1)?;
            Ok(LedgerItem {
                kind: of,
                hour,
                seq: u64::try_from(row.get::<_, i64>(0)?)
                    .map_err(|_| rusqlite::Error::IntegralValueOutOfRange(0, -1))?,
                entries: LedgerItem::unpack(&packed).ok_or_else(|| {
                    rusqlite::Error::InvalidColumnType(1, "entries".into(), rusqlite::types::Type::Blob)
                })?,
                expires_at: row.get(2)?,
            })
        })?;
        rows.collect()
    }

    fn read_visible_hours(
        &self,
        stream: &Stream,
        seq: u64,
        hours: &[LedgerHour],
    ) -> Result<Vec<LedgerHour>, rusqlite::Error> {
        let (stream, seq) = (stream.name(), integer(seq)?);
        let mut select = self
            .connection
            .prepare("SELECT 1 FROM ledger WHERE stream = ?1 AND kind = ?2 AND hour = ?3 AND seq = ?4")?;
        let mut visible = Vec::new();
        for hour in hours {
            if select.exists(params![stream, kind(hour.kind), hour.hour, seq])? {
                visible.push(*hour);
            }
        }
        Ok(visible)
    }
}

impl State for LocalState {
    async fn head(&self, stream: &Stream) -> Result<Option<Head>, PortError> {
        let Some(text) = self.read_head(stream).map_err(|error| self.failed(&error))? else { return Ok(None) };
        serde_json::from_str(&text).map(Some).map_err(|error| {
            PortError::person(format!(
                "the head of {stream} in {path} is unreadable: {error}; restore the file",
                stream = stream.name(),
                path = self.path.display()
            ))
        })
    }

    async fn write(
        &self,
        stream: &Stream,
        expected: Option<u64>,
        head: &Head,
        items: &[LedgerItem],
    ) -> Result<Written, PortError> {
        let text = serde_json::to_string(head)
            .map_err(|error| PortError::person(format!("the head of {} cannot be stored: {error}", stream.name())))?;
        self.write_all(&stream.name(), expected, (head.version, &text), items).map_err(|error| self.failed(&error))
    }

    async fn ledger(
        &self,
        stream: &Stream,
        kind: LedgerKind,
        hour: u32,
        after_seq: Option<u64>,
    ) -> Result<Vec<LedgerItem>, PortError> {
        self.read_ledger(stream, kind, hour, after_seq).map_err(|error| self.failed(&error))
    }

    async fn visible_hours(
        &self,
        stream: &Stream,
        seq: u64,
        hours: &[LedgerHour],
    ) -> Result<Vec<LedgerHour>, PortError> {
        self.read_visible_hours(stream, seq, hours).map_err(|error| self.failed(&error))
    }
}

/// Opens the file and brings it to the layout above.
fn prepare(path: &Path) -> Result<Connection, rusqlite::Error> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if version == 0 {
        let transaction = Transaction::new_unchecked(&connection, TransactionBehavior::Immediate)?;
        transaction.execute_batch(SCHEMA)?;
        transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
        transaction.commit()?;
    } else if version == SCHEMA_VERSION {
        forget(&connection)?;
    }
    Ok(connection)
}

/// The oldest vendor time that the listing may still be listed at: its watermark, or what is pending before it.
fn oldest_to_list(listing: &ListingState) -> i64 {
    let spans = listing.pending.spans.iter().map(|span| span.from);
    let blobs = listing.pending.blobs.iter().map(|blob| blob.created);
    spans.chain(blobs).fold(listing.watermark, i64::min)
}

/// Deletes what expired before everything that its stream may still list; looks first, so that an idle start writes nothing.
fn forget(connection: &Connection) -> Result<(), rusqlite::Error> {
    let mut select = connection.prepare("SELECT stream, head FROM heads")?;
    let heads = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    for (stream, head) in heads.collect::<Result<Vec<(String, String)>, _>>()? {
        // A head that cannot be read is told when its stream is.
        let Ok(head) = serde_json::from_str::<Head>(&head) else { continue };
        let Some(oldest) = head.listings.values().map(oldest_to_list).min() else { continue };
        let any = "SELECT EXISTS (SELECT 1 FROM ledger WHERE stream = ?1 AND expires_at < ?2)";
        if connection.query_row(any, params![stream, oldest], |row| row.get(0))? {
            connection.execute("DELETE FROM ledger WHERE stream = ?1 AND expires_at < ?2", params![stream, oldest])?;
        }
    }
    Ok(())
}

/// Returns `true` if the head was at version `expected` (`None`: absent) and is now replaced.
fn put_head(
    transaction: &Transaction<'_>,
    stream: &str,
    expected: Option<u64>,
    (version, head): (u64, &str),
) -> Result<bool, rusqlite::Error> {
    let version = integer(version)?;
    let changed = match expected {
        None => transaction.execute(
            "INSERT INTO heads (stream, version, head) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
            params![stream, version, head],
        )?,
        Some(expected) => transaction.execute(
            "UPDATE heads SET version = ?2, head = ?3 WHERE stream = ?1 AND version = ?4",
            params![stream, version, head, integer(expected)?],
        )?,
    };
    Ok(changed == 1)
}

/// The stored name of a kind of ledger. Frozen.
fn kind(kind: LedgerKind) -> &'static str {
    match kind {
        LedgerKind::Rows => "rows",
        LedgerKind::Blobs => "blobs",
    }
}

/// SQLite's integers are signed; a count that does not fit is a fault, not a wrap.
fn integer(count: u64) -> Result<i64, rusqlite::Error> {
    i64::try_from(count).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

fn failed(path: &Path, error: &rusqlite::Error) -> PortError {
    let path = path.display();
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked) => PortError::next_tick(format!(
            "{path} was held by other processes for {} s; nothing was written, the next tick tries again",
            BUSY_TIMEOUT.as_secs()
        )),
        _ => PortError::person(format!("the state in {path} failed: {error}; check the disk, its space and rights")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn err_file_of_another_version() -> Result<(), PortError> {
        let lake = tempfile::tempdir().unwrap();
        let state = LocalState::open(lake.path())?;
        state.connection.pragma_update(None, "user_version", SCHEMA_VERSION + 1).unwrap();
        drop(state);
        let error = LocalState::open(lake.path()).unwrap_err();
        assert!(error.message.contains("is of version 2, this program knows 1"), "{error}");
        Ok(())
    }

    #[test]
    fn what_is_pending_may_still_be_listed() {
        let listing = r#"{"watermark":900,"spans":[
            {"from":120,"to":130,"first_failure":0,"last_attempt":0,"attempts":1,"next_attempt":0}]}"#;
        assert_eq!(oldest_to_list(&serde_json::from_str(listing).unwrap()), 120);
        assert_eq!(oldest_to_list(&ListingState { watermark: 900, ..ListingState::default() }), 900);
    }

    #[test]
    fn items_expired_before_the_oldest_watermark_go_when_opened() {
        let lake = tempfile::tempdir().unwrap();
        let state = LocalState::open(lake.path()).unwrap();
        let insert = "INSERT INTO ledger VALUES ('s', 'rows', 1, ?1, x'', ?2)";
        for (seq, expires_at) in [(1, 99), (2, 100), (3, 101)] {
            state.connection.execute(insert, [seq, expires_at]).unwrap();
        }
        let head = r#"{"version":1,"id":"i","seq":4,"floor":0,"listings":{"a":{"watermark":900},"b":{"watermark":100}},"written_at":0}"#;
        state.connection.execute("INSERT INTO heads VALUES ('s', 1, ?1)", [head]).unwrap();
        drop(state);
        let state = LocalState::open(lake.path()).unwrap();
        let left: i64 = state
            .connection
            .query_row("SELECT group_concat(seq, '') FROM ledger", [], |row| {
                row.get::<_, String>(0).map(|text| text.parse().unwrap())
            })
            .unwrap();
        assert_eq!(left, 23);
    }

    #[test]
    fn many_open_at_once() {
        let lake = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| (0..20).for_each(|_| drop(LocalState::open(lake.path()).unwrap())));
            }
        });
    }
}
