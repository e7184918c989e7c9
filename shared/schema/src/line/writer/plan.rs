//! Which member of an object goes to which field. It follows from the keys alone, so it is found once for a shape.

use crate::event::json::{Document, Member, NodeId};
use crate::language::column::{column, is_column_name};
use crate::language::model::Object;

const NO_MEMBER: u32 = u32::MAX;
/// Plans that are kept. One that comes later clears them: a stream has far fewer.
const MOST_PLANS: usize = 4096;

/// What is written of an object, in schema order.
#[derive(Debug)]
struct Plan {
    steps: Vec<Step>,
    /// The places of the members that no field reads.
    undeclared: Vec<usize>,
}

#[derive(Debug, Clone, Copy)]
struct Step {
    field: u32,
    /// The place of the field's member; [`NO_MEMBER`] for a field that may come to a value without.
    member: u32,
    /// Another field before it has the column.
    is_aside: bool,
    /// The member bears another name than the field reads.
    is_by_column: bool,
}

/// A field that may have a value to write.
#[derive(Debug, Clone, Copy)]
pub(super) struct Assigned {
    pub(super) field: u32,
    pub(super) value: Option<NodeId>,
    /// Another field before it has the column.
    pub(super) is_aside: bool,
    /// The value was sent under another name than the field reads.
    pub(super) is_by_column: bool,
}

/// Memory that plans are kept and carried out in.
#[derive(Debug, Default)]
pub(super) struct Plans {
    plans: Vec<Plan>,
    /// By the numbers of the schema's objects, and by the shapes' (0 is for an object without members): where the plan
    /// stands in `plans`, and one.
    known: Vec<Vec<u32>>,
    /// For each declared object being written, one inside the other, its fields.
    pub(super) assigned: Vec<Assigned>,
}

impl Plans {
    /// Appends the fields of an object to `assigned`, and its undeclared members, sorted by name, to `undeclared`.
    pub(super) fn assign(
        &mut self,
        document: &Document<'_>,
        object: &Object,
        node: Option<NodeId>,
        is_strict: bool,
        undeclared: &mut Vec<Member>,
    ) {
        let shape = node.map_or(Some(0), |node| Some(usize::from(document.shape(node)?) + 1));
        let Some(shape) = shape else {
            let plan = Plan::new(document, object, node, is_strict);
            return plan.carry_out(document, node, &mut self.assigned, undeclared);
        };
        let known = self.known.get(object.number).and_then(|plans| plans.get(shape)).filter(|plan| **plan != 0);
        let plan = match known {
            Some(plan) => *plan as usize - 1,
            None => {
                if self.plans.len() >= MOST_PLANS {
                    self.plans.clear();
                    self.known.clear();
                }
                self.add(Plan::new(document, object, node, is_strict), object.number, shape)
            }
        };
        self.plans[plan].carry_out(document, node, &mut self.assigned, undeclared);
    }

    fn add(&mut self, plan: Plan, object: usize, shape: usize) -> usize {
        if self.known.len() <= object {
            self.known.resize(object + 1, Vec::new());
        }
        let plans = &mut self.known[object];
        if plans.len() <= shape {
            plans.resize(shape + 1, 0);
        }
        self.plans.push(plan);
        plans[shape] = self.plans.len() as u32;
        self.plans.len() - 1
    }
}

impl Plan {
    fn new(document: &Document<'_>, object: &Object, node: Option<NodeId>, is_strict: bool) -> Self {
        let mut found = vec![None; object.fields.len()];
        let mut undeclared = Vec::new();
        let members = node.map(|node| document.members(node)).unwrap_or_default();
        for place in node.into_iter().flat_map(|node| document.distinct_places(node)) {
            let mut is_declared = false;
            for field in object.readers(document, &members[place]) {
                found[field] = Some(place);
                is_declared = true;
            }
            if !is_declared && !is_strict {
                undeclared.push(place);
            }
        }
        let mut by_column = Vec::new();
        // A name that is the column itself comes before one that only becomes it.
        for is_column in [is_column_name as fn(&str) -> bool, |_| true] {
            undeclared.retain(|place| {
                let name = document.name(&members[*place]);
                let field = free_field_of_column(object, &name, &found).filter(|_| is_column(&name));
                if let Some(field) = field {
                    found[field] = Some(*place);
                    by_column.push(field);
                }
                field.is_none()
            });
        }
        Self { steps: steps(object, &found, &by_column, is_strict), undeclared }
    }

    fn carry_out(
        &self,
        document: &Document<'_>,
        node: Option<NodeId>,
        assigned: &mut Vec<Assigned>,
        undeclared: &mut Vec<Member>,
    ) {
        let members = node.map(|node| document.members(node)).unwrap_or_default();
        assigned.extend(self.steps.iter().map(|step| Assigned {
            field: step.field,
            value: members.get(step.member as usize).map(|member| member.value),
            is_aside: step.is_aside,
            is_by_column: step.is_by_column,
        }));
        undeclared.extend(self.undeclared.iter().map(|place| members[*place]));
    }
}

/// The fields with a member, and those that wait for none.
fn steps(object: &Object, found: &[Option<usize>], by_column: &[usize], is_strict: bool) -> Vec<Step> {
    let is_taken = |at: usize| {
        let mut before = object.fields.iter().zip(found).take(at);
        before.any(|(field, member)| member.is_some() && field.column == object.fields[at].column)
    };
    let step = |(field, member): (usize, &Option<usize>)| {
        let is_aside = member.is_some() && object.fields[field].shares_column && !is_strict && is_taken(field);
        let waits = object.always_processed.binary_search(&field).is_ok();
        let place = member.map_or(NO_MEMBER, |place| place as u32);
        let is_by_column = by_column.contains(&field);
        (member.is_some() || waits).then_some(Step { field: field as u32, member: place, is_aside, is_by_column })
    };
    found.iter().enumerate().filter_map(step).collect()
}

/// The field whose column a name has, when no member was found for it. So a line read again is itself, and a payload
/// under an earlier type name (`role_assignment.created`, now `role.assignment.created`) stands in its column.
fn free_field_of_column(object: &Object, name: &str, found: &[Option<usize>]) -> Option<usize> {
    let column = column(name);
    let at = object.by_column.binary_search_by(|(of_field, _)| of_field.as_str().cmp(&column)).ok()?;
    object.by_column.get(at).map(|(_, field)| *field).filter(|field| found[*field].is_none())
}
