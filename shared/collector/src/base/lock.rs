//! Locking that ignores the panic of an earlier holder.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks the mutex, even if an earlier holder panicked. That holder may have panicked between two changes, so the
/// content must be valid after each single change.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_a_lock_outlives_the_panic_of_its_holder() {
        let mutex = Mutex::new(1);
        std::thread::scope(|scope| {
            let holder = scope.spawn(|| {
                let _held = lock(&mutex);
                panic!("while the lock is held");
            });
            assert!(holder.join().is_err());
        });
        assert!(mutex.is_poisoned());
        assert_eq!(*lock(&mutex), 1);
    }
}
