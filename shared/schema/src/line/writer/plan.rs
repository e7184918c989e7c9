//! Plans which member of an object goes to which field. The plan depends on the keys alone, so it is made once per shape.

use crate::event::json::{Document, Member, NodeId};
use crate::language::column::{column, is_column_name};
use crate::language::model::Object;

/// The value of [`Step::member`] for a field without a member.
const NO_MEMBER: u32 = u32::MAX;
/// The most plans that are remembered. If another plan is needed, all of them are forgotten first. A stream needs far
/// fewer plans.
const MAX_PLANS: usize = 4096;

/// The plan for the objects of one shape.
#[derive(Debug)]
struct Plan {
    /// The fields to process, in schema order.
    steps: Vec<Step>,
    /// The indices of the members that no field reads.
    undeclared: Vec<usize>,
}

/// A field to process.
#[derive(Debug, Clone, Copy)]
struct Step {
    field: u32,
    /// The index of the field's member; [`NO_MEMBER`] for a field that is processed without one.
    member: u32,
    /// An earlier field of the object has the same column, and a member.
    is_column_taken: bool,
    /// The member has another name than the field reads, but the name becomes the field's column.
    is_by_column: bool,
}

/// A field that may have a value to write.
#[derive(Debug, Clone, Copy)]
pub(super) struct Assigned {
    pub(super) field: u32,
    pub(super) value: Option<NodeId>,
    /// An earlier field of the object has the same column, and a member.
    pub(super) is_column_taken: bool,
    /// The value was sent under another name than the field reads, but the name becomes the field's column.
    pub(super) is_by_column: bool,
}

/// The remembered plans, and the fields that they assign values to.
#[derive(Debug, Default)]
pub(super) struct Plans {
    plans: Vec<Plan>,
    /// The index in `plans`, plus one; 0 if there is no plan. The outer index is the number of an object of the schema.
    /// The inner index is the number of a shape, plus one; 0 stands for an object that was not sent.
    plan_numbers: Vec<Vec<u32>>,
    /// A stack of the fields of all declared objects that are being written. The fields of an inner object come after
    /// those of the object around it.
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
            return plan.apply(document, node, &mut self.assigned, undeclared);
        };
        let known = self.plan_numbers.get(object.number).and_then(|plans| plans.get(shape)).filter(|plan| **plan != 0);
        let plan = match known {
            Some(plan) => *plan as usize - 1,
            None => {
                if self.plans.len() >= MAX_PLANS {
                    self.plans.clear();
                    self.plan_numbers.clear();
                }
                self.add(Plan::new(document, object, node, is_strict), object.number, shape)
            }
        };
        self.plans[plan].apply(document, node, &mut self.assigned, undeclared);
    }

    /// Remembers a plan. Returns its index in `plans`.
    fn add(&mut self, plan: Plan, object: usize, shape: usize) -> usize {
        if self.plan_numbers.len() <= object {
            self.plan_numbers.resize(object + 1, Vec::new());
        }
        let plans = &mut self.plan_numbers[object];
        if plans.len() <= shape {
            plans.resize(shape + 1, 0);
        }
        self.plans.push(plan);
        plans[shape] = self.plans.len() as u32;
        self.plans.len() - 1
    }
}

impl Plan {
    /// Makes the plan for the members of an object.
    fn new(document: &Document<'_>, object: &Object, node: Option<NodeId>, is_strict: bool) -> Self {
        let mut found = vec![None; object.fields.len()];
        let mut undeclared = Vec::new();
        let members = node.map(|node| document.members(node)).unwrap_or_default();
        for place in node.into_iter().flat_map(|node| document.distinct_indices(node)) {
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
        // A member whose name is the column's name has precedence over a member whose name only becomes it.
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

    /// Appends the fields and undeclared members of an object that has the plan's shape.
    fn apply(
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
            is_column_taken: step.is_column_taken,
            is_by_column: step.is_by_column,
        }));
        undeclared.extend(self.undeclared.iter().map(|place| members[*place]));
    }
}

/// Returns the steps for the fields that have a member, and for those that are processed without one.
fn steps(object: &Object, found: &[Option<usize>], by_column: &[usize], is_strict: bool) -> Vec<Step> {
    let is_taken = |at: usize| {
        let mut before = object.fields.iter().zip(found).take(at);
        before.any(|(field, member)| member.is_some() && field.column == object.fields[at].column)
    };
    let step = |(field, member): (usize, &Option<usize>)| {
        let is_column_taken = member.is_some() && object.fields[field].shares_column && !is_strict && is_taken(field);
        let is_always_processed = object.always_processed.binary_search(&field).is_ok();
        let place = member.map_or(NO_MEMBER, |place| place as u32);
        let is_by_column = by_column.contains(&field);
        (member.is_some() || is_always_processed).then_some(Step {
            field: field as u32,
            member: place,
            is_column_taken,
            is_by_column,
        })
    };
    found.iter().enumerate().filter_map(step).collect()
}

/// Returns the field whose column a name becomes, unless the field has a member already. So a line that is normalised
/// again stays the same, and a payload under an earlier type name (`role_assignment.created`, now
/// `role.assignment.created`) gets the same column.
fn free_field_of_column(object: &Object, name: &str, found: &[Option<usize>]) -> Option<usize> {
    let column = column(name);
    let at = object.by_column.binary_search_by(|(of_field, _)| of_field.as_str().cmp(&column)).ok()?;
    object.by_column.get(at).map(|(_, field)| *field).filter(|field| found[*field].is_none())
}
