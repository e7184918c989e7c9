//! Conversion of heads and ledger items to DynamoDB items and back.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use collector::{Head, LedgerItem, LedgerKind, Stream, UnusableHead};

pub(super) const PARTITION: &str = "pk";
const SORT: &str = "sk";
pub(super) const VERSION: &str = "version";
const HEAD: &str = "head";
const ENTRIES: &str = "entries";
const EXPIRES_AT: &str = "expires_at";

/// A DynamoDB item: its attributes by name.
pub(super) type Item = HashMap<String, AttributeValue>;

/// One hour of a stream's ledger; its items share a partition.
pub(super) struct LedgerPartition<'a> {
    pub(super) stream: &'a Stream,
    pub(super) kind: LedgerKind,
    pub(super) hour: u32,
}

impl LedgerPartition<'_> {
    /// Returns the partition key. Source ids and table names cannot contain `#`, so it is unique.
    pub(super) fn key(&self) -> String {
        let (head, hour) = (head_partition(self.stream), self.hour);
        match self.kind {
            LedgerKind::Rows => format!("{head}#{hour}"),
            LedgerKind::Blobs => format!("{head}#blob#{hour}"),
        }
    }

    pub(super) fn to_ledger(&self, item: &Item) -> Result<LedgerItem, String> {
        let problem = |what: &str| format!("a ledger item of {} has {what}", self.key());
        let seq = number(item, SORT).ok_or_else(|| problem("no sk"))?;
        let expires_at = number(item, EXPIRES_AT).ok_or_else(|| problem("no expires_at"))?;
        let packed = item.get(ENTRIES).and_then(|value| value.as_b().ok()).ok_or_else(|| problem("no entries"))?;
        let entries = LedgerItem::unpack(packed.as_ref()).ok_or_else(|| problem("entries that are cut short"))?;
        Ok(LedgerItem { kind: self.kind, hour: self.hour, seq, entries, expires_at })
    }
}

fn head_partition(stream: &Stream) -> String {
    format!("{}#{}", stream.source, stream.log_type.table())
}

pub(super) fn head_key(stream: &Stream) -> Item {
    key(head_partition(stream), 0)
}

fn key(partition: String, sort: u64) -> Item {
    [(PARTITION.to_owned(), AttributeValue::S(partition)), (SORT.to_owned(), AttributeValue::N(sort.to_string()))]
        .into()
}

pub(super) fn of_head(stream: &Stream, head: &Head) -> Result<Item, String> {
    let mut item = head_key(stream);
    item.insert(VERSION.to_owned(), AttributeValue::N(head.version.to_string()));
    item.insert(HEAD.to_owned(), AttributeValue::S(head.to_json().map_err(|error| error.to_string())?));
    Ok(item)
}

pub(super) fn to_head(item: &Item) -> Result<Head, String> {
    let damaged = |problem: &str| UnusableHead::Unreadable(problem.to_owned()).to_string();
    let version: u64 = number(item, VERSION).ok_or_else(|| damaged("it has no version"))?;
    let json = item.get(HEAD).and_then(|value| value.as_s().ok()).ok_or_else(|| damaged("its text is missing"))?;
    let head = Head::from_json(json).map_err(|error| error.to_string())?;
    if head.version != version {
        return Err(damaged(&format!("it says version {}, its item {version}", head.version)));
    }
    Ok(head)
}

/// Returns the key of the ledger item that commit `seq` writes in `partition`.
pub(super) fn ledger_key(partition: &LedgerPartition<'_>, seq: u64) -> Item {
    key(partition.key(), seq)
}

/// Returns an item's partition key; `None` if the item has none.
pub(super) fn partition_of(item: &Item) -> Option<&str> {
    item.get(PARTITION)?.as_s().ok().map(String::as_str)
}

pub(super) fn of_ledger(stream: &Stream, ledger: &LedgerItem) -> Item {
    let partition = LedgerPartition { stream, kind: ledger.kind, hour: ledger.hour };
    let mut item = ledger_key(&partition, ledger.seq);
    item.insert(ENTRIES.to_owned(), AttributeValue::B(ledger.packed().into()));
    item.insert(EXPIRES_AT.to_owned(), AttributeValue::N(ledger.expires_at.to_string()));
    item
}

fn number<N: std::str::FromStr>(item: &Item, name: &str) -> Option<N> {
    item.get(name)?.as_n().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use collector::SourceId;
    use schema::LogType;

    fn stream() -> Stream {
        Stream {
            source: SourceId::try_from("acme".to_owned()).unwrap(),
            label: "Acme".to_owned(),
            log_type: LogType::Exchange,
            listings: vec!["content"],
        }
    }

    fn head() -> Head {
        serde_json::from_value(serde_json::json!({
            "version": 7, "id": "h", "seq": 3, "intent": "k", "floor": 1, "listings": {}, "written_at": 2
        }))
        .unwrap()
    }

    #[test]
    fn a_head_and_back() {
        let item = of_head(&stream(), &head()).unwrap();
        assert_eq!(item["pk"], AttributeValue::S("acme#microsoft365_audit_exchange".to_owned()));
        assert_eq!(item["sk"], AttributeValue::N("0".to_owned()));
        assert_eq!(item["version"], AttributeValue::N("7".to_owned()));
        assert_eq!(to_head(&item), Ok(head()));
    }

    #[test]
    fn err_a_head_that_was_edited() {
        let mut item = of_head(&stream(), &head()).unwrap();
        item.insert("version".to_owned(), AttributeValue::N("8".to_owned()));
        assert!(to_head(&item).unwrap_err().contains("it says version 7, its item 8"));
        item.insert("head".to_owned(), AttributeValue::S("{".to_owned()));
        assert!(to_head(&item).unwrap_err().starts_with("the head cannot be read"));
        item.remove("version");
        assert!(to_head(&item).unwrap_err().contains("it has no version"));
    }

    #[test]
    fn a_ledger_item_and_back() {
        let stream = stream();
        for (kind, partition) in [
            (LedgerKind::Rows, "acme#microsoft365_audit_exchange#497222"),
            (LedgerKind::Blobs, "acme#microsoft365_audit_exchange#blob#497222"),
        ] {
            let ledger = LedgerItem { kind, hour: 497_222, seq: 12, entries: vec![1, u64::MAX], expires_at: 99 };
            let item = of_ledger(&stream, &ledger);
            assert_eq!(item["pk"], AttributeValue::S(partition.to_owned()));
            let partition = LedgerPartition { stream: &stream, kind, hour: 497_222 };
            assert_eq!(partition.to_ledger(&item), Ok(ledger));
        }
    }

    #[test]
    fn err_entries_cut_short() {
        let stream = stream();
        let ledger = LedgerItem { kind: LedgerKind::Rows, hour: 1, seq: 1, entries: vec![1], expires_at: 1 };
        let mut item = of_ledger(&stream, &ledger);
        item.insert("entries".to_owned(), AttributeValue::B(vec![0; 7].into()));
        let partition = LedgerPartition { stream: &stream, kind: LedgerKind::Rows, hour: 1 };
        assert!(partition.to_ledger(&item).unwrap_err().contains("cut short"));
    }
}
