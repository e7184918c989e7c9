//! Records the calls of state and bucket, and injects faults into them.

use std::cell::RefCell;

use crate::base::error::PortError;

/// A fault that is injected into one call of state or bucket.
pub(crate) enum Fault {
    /// The call fails without an effect.
    Before,
    /// The call has its effect, but its answer is lost.
    After,
    /// This function runs just before the call, as if another tick ran at that moment.
    Meanwhile(Box<dyn FnOnce()>),
}

/// The call into which a fault is injected.
pub(crate) enum FaultyCall {
    /// The call with this number among all calls of state and bucket, counted from 0.
    Number(usize),
    /// The next call of the method with this name.
    Next(&'static str),
}

/// The names of the calls of state and bucket so far, and the faults that will be injected into later calls.
#[derive(Default)]
pub(crate) struct Calls {
    names: RefCell<Vec<&'static str>>,
    faults: RefCell<Vec<(FaultyCall, Fault)>>,
}

impl Calls {
    /// Returns the names of all calls since the last `take`.
    pub(crate) fn take(&self) -> Vec<&'static str> {
        self.names.take()
    }

    /// Adds a fault that is injected into one call.
    pub(crate) fn fault(&self, at: FaultyCall, fault: Fault) {
        self.faults.borrow_mut().push((at, fault));
    }

    /// Returns `true` if a fault was not injected yet.
    pub(crate) fn has_faults(&self) -> bool {
        !self.faults.borrow().is_empty()
    }

    pub(super) fn call<T>(&self, name: &'static str, effect: impl FnOnce() -> T) -> Result<T, PortError> {
        let number = self.names.borrow().len();
        self.names.borrow_mut().push(name);
        let is_met = |(at, _): &(FaultyCall, Fault)| match at {
            FaultyCall::Number(at) => *at == number,
            FaultyCall::Next(next) => *next == name,
        };
        let met = self.faults.borrow().iter().position(is_met);
        let fault = met.map(|met| self.faults.borrow_mut().remove(met).1);
        match fault {
            Some(Fault::Before) => return Err(PortError::next_tick("no answer")),
            Some(Fault::After) => {
                effect();
                return Err(PortError::next_tick("no answer"));
            }
            Some(Fault::Meanwhile(other)) => other(),
            None => {}
        }
        Ok(effect())
    }
}
