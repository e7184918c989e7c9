//! The transformations of a field: it can take its value from other members, and mask it.

use sha2::{Digest, Sha256};

use crate::event::json::{Document, Kind, NodeId};
use crate::language::definition::{Definition, Mask};

/// The transformation of a field: the source of its value, and a mask.
#[derive(Debug, Clone)]
pub(crate) struct Transform {
    source: Source,
    mask: Option<MaskRule>,
}

/// The source of a field's value. Paths begin in the object that has the field.
#[derive(Debug, Clone)]
enum Source {
    /// The member that has the field's own name.
    Own,
    /// The member of this name.
    Rename(String),
    /// The value at a path.
    Copy(Vec<String>),
    /// The texts at some paths, joined.
    Concat { separator: String, paths: Vec<Vec<String>> },
    /// One part of the text at a path. Its index counts from 0.
    Split { from: Vec<String>, separator: String, index: usize },
}

/// A rule that makes a value unreadable.
#[derive(Debug, Clone)]
pub(crate) enum MaskRule {
    /// Replaces the value by this text.
    Redact(String),
    /// Replaces the value by the SHA-256, in hex, of this salt and the value's text.
    Hash(String),
}

/// The result of a transformation.
pub(crate) enum Transformed {
    /// A value of the event; `None` if the field has no value.
    Node(Option<NodeId>),
    /// A text that was made from values of the event.
    Text(String),
    /// An array or object that a mask hides.
    MaskedContainer(NodeId),
}

impl Transform {
    /// Compiles the transformation that a definition declares; `None` if it declares none.
    pub(crate) fn new(definition: &Definition) -> Result<Option<Self>, String> {
        let mask = definition.mask.as_ref().map(MaskRule::new).transpose()?;
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

    /// Returns the name of the member that the field reads; `None` if the field reads paths. `own_name` is the field's
    /// name.
    pub(crate) fn member_name<'a>(&'a self, own_name: &'a str) -> Option<&'a str> {
        match &self.source {
            Source::Own => Some(own_name),
            Source::Rename(from) => Some(from),
            _ => None,
        }
    }

    /// Returns `true` if the field reads the member of its own name.
    pub(crate) fn reads_own_name(&self) -> bool {
        matches!(self.source, Source::Own)
    }

    /// Returns the mask of the field.
    pub(crate) fn mask(&self) -> Option<&MaskRule> {
        self.mask.as_ref()
    }

    /// Sets the mask of the field, unless it has one.
    pub(crate) fn add_mask(&mut self, mask: &MaskRule) {
        self.mask.get_or_insert_with(|| mask.clone());
    }

    /// Returns a transformation that only masks the member of the field's own name.
    pub(crate) fn masked(mask: &MaskRule) -> Self {
        Self { source: Source::Own, mask: Some(mask.clone()) }
    }

    /// Returns the paths that the field reads, which begin in its object. `own_name` is the field's name.
    pub(crate) fn paths<'a>(&'a self, own_name: &'a str) -> Vec<Vec<&'a str>> {
        let names = |path: &'a [String]| path.iter().map(String::as_str).collect::<Vec<_>>();
        match &self.source {
            Source::Own => vec![vec![own_name]],
            Source::Rename(from) => vec![vec![from]],
            Source::Copy(from) | Source::Split { from, .. } => vec![names(from)],
            Source::Concat { paths, .. } => paths.iter().map(|path| names(path)).collect(),
        }
    }

    /// Returns `true` if the result is a string, whatever the event holds.
    pub(crate) fn is_text(&self) -> bool {
        self.mask.is_some() || matches!(self.source, Source::Concat { .. } | Source::Split { .. })
    }

    /// Returns the transformed value of a field of `object`. `read` is the value of the member that the field reads by
    /// name.
    pub(crate) fn apply(&self, document: &Document<'_>, object: NodeId, read: Option<NodeId>) -> Transformed {
        let at = |path: &[String]| find(document, object, path);
        let text_at = |path: &[String]| at(path).and_then(|id| text(document, id));
        let value = match &self.source {
            Source::Own | Source::Rename(_) => Transformed::Node(read),
            Source::Copy(from) => Transformed::Node(at(from)),
            Source::Concat { separator, paths } => {
                let texts: Vec<String> = paths.iter().filter_map(|path| text_at(path)).collect();
                if texts.is_empty() { Transformed::Node(None) } else { Transformed::Text(texts.join(separator)) }
            }
            Source::Split { from, separator, index } => text_at(from)
                .and_then(|text| text.split(separator.as_str()).nth(*index).map(str::to_owned))
                .map_or(Transformed::Node(None), Transformed::Text),
        };
        match (&self.mask, value) {
            (Some(mask), Transformed::Text(text)) => Transformed::Text(mask.apply(&text)),
            (Some(_), Transformed::Node(node)) => self.mask_node(document, node),
            (_, value) => value,
        }
    }

    /// Applies the mask to a value of the event.
    pub(crate) fn mask_node(&self, document: &Document<'_>, node: Option<NodeId>) -> Transformed {
        let (Some(mask), Some(id)) = (&self.mask, node) else { return Transformed::Node(node) };
        match document.kind(id) {
            Kind::Null => Transformed::Node(None),
            Kind::Array | Kind::Object => Transformed::MaskedContainer(id),
            _ => Transformed::Text(mask.apply_to_value(document, id)),
        }
    }
}

/// Resolves the references between the transformations of one object's fields, so that each transformation reads only
/// members of the event.
///
/// The order is: all renames, then all copies, then the others. If a path begins with the name of a field with an
/// earlier transformation, that name is replaced by the path that this transformation reads. For example, if `a` is
/// renamed from `b`, the path `a.x` of a copy becomes `b.x`.
pub(crate) fn resolve_references<'a>(fields: impl Iterator<Item = (&'a str, &'a mut Transform)>) {
    let mut fields: Vec<_> = fields.collect();
    let mut resolved: Vec<(&str, Vec<String>)> = Vec::new();
    for (name, transform) in &fields {
        if let Source::Rename(from) = &transform.source {
            resolved.push((name, vec![from.clone()]));
        }
    }
    let rename_count = resolved.len();
    for (name, transform) in &mut fields {
        if let Source::Copy(from) = &mut transform.source {
            resolve(from, &resolved[..rename_count]);
            resolved.push((name, from.clone()));
        }
    }
    for (_, transform) in &mut fields {
        match &mut transform.source {
            Source::Concat { paths, .. } => paths.iter_mut().for_each(|path| resolve(path, &resolved)),
            Source::Split { from, .. } => resolve(from, &resolved),
            Source::Own | Source::Rename(_) | Source::Copy(_) => {}
        }
    }
}

/// If a path begins with the name of a resolved field, replaces that name by the path that the field reads.
fn resolve(path: &mut Vec<String>, resolved: &[(&str, Vec<String>)]) {
    let origin = path.first().and_then(|first| resolved.iter().find(|(name, _)| name == first));
    if let Some((_, origin)) = origin {
        path.splice(..1, origin.iter().cloned());
    }
}

impl MaskRule {
    fn new(definition: &Mask) -> Result<Self, String> {
        match definition.kind.as_str() {
            "redact" if definition.salt.is_some() => Err("mask: salt belongs to hash".to_owned()),
            "hash" if definition.to.is_some() => Err("mask: to belongs to redact".to_owned()),
            "redact" => Ok(Self::Redact(definition.to.clone().unwrap_or_else(|| "REDACTED".to_owned()))),
            "hash" => Ok(Self::Hash(definition.salt.clone().unwrap_or_default())),
            other => Err(format!("mask: {other} is not hash or redact")),
        }
    }

    /// Returns the masked form of a value. A hash covers the text of a scalar, or the JSON of an array or object.
    pub(crate) fn apply_to_value(&self, document: &Document<'_>, id: NodeId) -> String {
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

/// Parses a path of names with dots between them.
fn path(text: &str) -> Result<Vec<String>, String> {
    let path: Vec<String> = text.split('.').map(str::to_owned).collect();
    if path.iter().any(String::is_empty) { Err(format!("{text:?} is not a path of names")) } else { Ok(path) }
}

/// Finds the value at a path, unless it is null.
fn find(document: &Document<'_>, object: NodeId, path: &[String]) -> Option<NodeId> {
    path.iter().try_fold(object, |at, key| document.get(at, key)).filter(|id| document.kind(*id) != Kind::Null)
}

/// Returns the text of a scalar; `None` for null, arrays and objects.
fn text(document: &Document<'_>, id: NodeId) -> Option<String> {
    match document.kind(id) {
        Kind::String => Some(document.text(id).into_owned()),
        Kind::Number | Kind::True | Kind::False => Some(document.raw(id).to_owned()),
        Kind::Null | Kind::Array | Kind::Object => None,
    }
}
