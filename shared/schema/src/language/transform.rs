//! Fields made of other fields.

use sha2::{Digest, Sha256};

use crate::event::json::{Document, Kind, NodeId};
use crate::language::definition::{Definition, Mask};

/// Where a field's value comes from when it is not under the field's own name, and what is done to it.
#[derive(Debug, Clone)]
pub(crate) struct Transform {
    source: Source,
    mask: Option<Masked>,
}

#[derive(Debug, Clone)]
enum Source {
    Own,
    Rename(String),
    Copy(Vec<String>),
    Concat { separator: String, paths: Vec<Vec<String>> },
    Split { from: Vec<String>, separator: String, index: usize },
}

/// The way in which a value is made unreadable.
#[derive(Debug, Clone)]
pub(crate) enum Masked {
    Redact(String),
    Hash(String),
}

/// A field's value, from wherever.
pub(crate) enum Origin {
    Node(Option<NodeId>),
    Text(String),
    /// An array or object under a mask.
    MaskedContainer(NodeId),
}

impl Transform {
    /// The transformation a definition asks for.
    pub(crate) fn new(definition: &Definition) -> Result<Option<Self>, String> {
        let mask = definition.mask.as_ref().map(Masked::new).transpose()?;
        let mut sources = Vec::new();
        if let Some(rename) = &definition.rename {
            if rename.from.is_empty() {
                return Err("rename needs a name".to_owned());
            }
            sources.push(Source::Rename(rename.from.clone()));
        }
        if let Some(copy) = &definition.copy {
            sources.push(Source::Copy(path(&copy.from)?));
        }
        if let Some(concat) = &definition.concat {
            if concat.paths.is_empty() {
                return Err("concat: paths is empty".to_owned());
            }
            let paths = concat.paths.iter().map(|from| path(from)).collect::<Result<Vec<_>, _>>()?;
            sources.push(Source::Concat { separator: concat.separator.clone(), paths });
        }
        if let Some(split) = &definition.split {
            if split.separator.is_empty() {
                return Err("split needs a separator".to_owned());
            }
            let (from, separator) = (path(&split.from)?, split.separator.clone());
            sources.push(Source::Split { from, separator, index: split.index });
        }
        if sources.len() > 1 {
            return Err("only one of rename, copy, concat and split".to_owned());
        }
        match (sources.pop(), mask) {
            (None, None) => Ok(None),
            (source, mask) => Ok(Some(Self { source: source.unwrap_or(Source::Own), mask })),
        }
    }

    /// The name that a field of this name reads; none when it reads paths.
    pub(crate) fn reads<'a>(&'a self, own: &'a str) -> Option<&'a str> {
        match &self.source {
            Source::Own => Some(own),
            Source::Rename(from) => Some(from),
            _ => None,
        }
    }

    /// Whether the field reads its own name.
    pub(crate) fn reads_own_name(&self) -> bool {
        matches!(self.source, Source::Own)
    }

    /// The mask, if the field has one.
    pub(crate) fn mask(&self) -> Option<&Masked> {
        self.mask.as_ref()
    }

    /// Gives a field that has no mask the mask of the field that it takes its value from.
    pub(crate) fn add_mask(&mut self, mask: &Masked) {
        self.mask.get_or_insert_with(|| mask.clone());
    }

    /// A field's own value under a mask.
    pub(crate) fn masked(mask: &Masked) -> Self {
        Self { source: Source::Own, mask: Some(mask.clone()) }
    }

    /// The paths of names that a field of this name reads, from its object on.
    pub(crate) fn paths<'a>(&'a self, own: &'a str) -> Vec<Vec<&'a str>> {
        let names = |path: &'a [String]| path.iter().map(String::as_str).collect::<Vec<_>>();
        match &self.source {
            Source::Own => vec![vec![own]],
            Source::Rename(from) => vec![vec![from]],
            Source::Copy(from) | Source::Split { from, .. } => vec![names(from)],
            Source::Concat { paths, .. } => paths.iter().map(|path| names(path)).collect(),
        }
    }

    /// Whether it makes a string.
    pub(crate) fn is_text(&self) -> bool {
        self.mask.is_some() || matches!(self.source, Source::Concat { .. } | Source::Split { .. })
    }

    /// The value for a field of `object`, given the one found under the name it reads.
    pub(crate) fn apply(&self, document: &Document<'_>, object: NodeId, read: Option<NodeId>) -> Origin {
        let at = |path: &[String]| find(document, object, path);
        let text_at = |path: &[String]| at(path).and_then(|id| text(document, id));
        let value = match &self.source {
            Source::Own | Source::Rename(_) => Origin::Node(read),
            Source::Copy(from) => Origin::Node(at(from)),
            Source::Concat { separator, paths } => {
                let texts: Vec<String> = paths.iter().filter_map(|path| text_at(path)).collect();
                if texts.is_empty() { Origin::Node(None) } else { Origin::Text(texts.join(separator)) }
            }
            Source::Split { from, separator, index } => text_at(from)
                .and_then(|text| text.split(separator.as_str()).nth(*index).map(str::to_owned))
                .map_or(Origin::Node(None), Origin::Text),
        };
        match (&self.mask, value) {
            (Some(mask), Origin::Text(text)) => Origin::Text(mask.apply(&text)),
            (Some(_), Origin::Node(node)) => self.mask_node(document, node),
            (_, value) => value,
        }
    }

    /// A node of the event, masked if the field is.
    pub(crate) fn mask_node(&self, document: &Document<'_>, node: Option<NodeId>) -> Origin {
        let (Some(mask), Some(id)) = (&self.mask, node) else { return Origin::Node(node) };
        match document.kind(id) {
            Kind::Null => Origin::Node(None),
            Kind::Array | Kind::Object => Origin::MaskedContainer(id),
            _ => Origin::Text(mask.of(document, id)),
        }
    }
}

/// Lets the transformations of one object's fields follow each other: first all renames, then all copies, then the others.
/// A path that begins with a name that an earlier one made leads to where that one reads.
pub(crate) fn chain<'a>(fields: impl Iterator<Item = (&'a str, &'a mut Transform)>) {
    let mut fields: Vec<_> = fields.collect();
    let mut made: Vec<(&str, Vec<String>)> = Vec::new();
    for (name, transform) in &fields {
        if let Source::Rename(from) = &transform.source {
            made.push((name, vec![from.clone()]));
        }
    }
    let renames = made.len();
    for (name, transform) in &mut fields {
        if let Source::Copy(from) = &mut transform.source {
            lead(from, &made[..renames]);
            made.push((name, from.clone()));
        }
    }
    for (_, transform) in &mut fields {
        match &mut transform.source {
            Source::Concat { paths, .. } => paths.iter_mut().for_each(|path| lead(path, &made)),
            Source::Split { from, .. } => lead(from, &made),
            Source::Own | Source::Rename(_) | Source::Copy(_) => {}
        }
    }
}

fn lead(path: &mut Vec<String>, made: &[(&str, Vec<String>)]) {
    let origin = path.first().and_then(|first| made.iter().find(|(name, _)| name == first));
    if let Some((_, origin)) = origin {
        path.splice(..1, origin.iter().cloned());
    }
}

impl Masked {
    fn new(written: &Mask) -> Result<Self, String> {
        match written.kind.as_str() {
            "redact" if written.salt.is_some() => Err("mask: salt belongs to hash".to_owned()),
            "hash" if written.to.is_some() => Err("mask: to belongs to redact".to_owned()),
            "redact" => Ok(Self::Redact(written.to.clone().unwrap_or_else(|| "REDACTED".to_owned()))),
            "hash" => Ok(Self::Hash(written.salt.clone().unwrap_or_default())),
            other => Err(format!("mask: {other} is not hash or redact")),
        }
    }

    /// Stands for a value of an event: for that of a scalar's text, or of an array's or object's JSON.
    pub(crate) fn of(&self, document: &Document<'_>, id: NodeId) -> String {
        let json = || {
            let mut json = Vec::new();
            document.write(id, &mut json);
            String::from_utf8_lossy(&json).into_owned()
        };
        self.apply(&text(document, id).unwrap_or_else(json))
    }

    fn apply(&self, text: &str) -> String {
        match self {
            Self::Redact(to) => to.clone(),
            Self::Hash(salt) => {
                let hash = Sha256::new().chain_update(salt).chain_update(text).finalize();
                hash.iter().map(|byte| format!("{byte:02x}")).collect()
            }
        }
    }
}

fn path(written: &str) -> Result<Vec<String>, String> {
    let path: Vec<String> = written.split('.').map(str::to_owned).collect();
    if path.iter().any(String::is_empty) { Err(format!("{written:?} is not a path of names")) } else { Ok(path) }
}

fn find(document: &Document<'_>, object: NodeId, path: &[String]) -> Option<NodeId> {
    path.iter().try_fold(object, |at, key| document.get(at, key)).filter(|id| document.kind(*id) != Kind::Null)
}

/// A scalar's text.
fn text(document: &Document<'_>, id: NodeId) -> Option<String> {
    match document.kind(id) {
        Kind::String => Some(document.text(id).into_owned()),
        Kind::Number | Kind::True | Kind::False => Some(document.raw(id).to_owned()),
        Kind::Null | Kind::Array | Kind::Object => None,
    }
}
