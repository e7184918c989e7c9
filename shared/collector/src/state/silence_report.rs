//! Reports the start and the end of a stream's silence, once each.
//!
//! A message and the head cannot be written in one transaction. So a tick first *claims* the message in the head by a
//! compare-and-swap, which only one of several ticks can win. Then it sends the message, and writes that it is sent. If
//! the message could not be sent, the tick gives the claim back, and the next tick tries again. If the tick dies in
//! between, its claim ends by itself, and a later tick sends the message, perhaps for the second time.

use crate::base::error::PortError;
use crate::base::head::{Head, HeadTimes};
use crate::base::ports::{Clock, Notifier, State, Written};
use crate::base::silence::{SilenceMessage, SilenceRecord};
use crate::base::stream::Stream;
use crate::base::time::UnixSeconds;
use crate::plan::silence::{after_attempt, claimed, due_message};

/// Number of write conflicts with other ticks after which a write is left to the next tick.
const MAX_WRITE_CONFLICTS: u32 = 16;

/// Sends the message that a stream has become silent, or that it delivers again, if one is due. `text_of` returns its
/// subject and its text. Returns the message that was sent; `None` if none is due, or if another tick is sending it.
///
/// # Errors
/// The message could not be sent, or the head could not be read or written. A later tick tries again.
pub async fn report_silence<S: State, C: Clock, N: Notifier>(
    (state, clock, notifier): (&S, &C, &N),
    stream: &Stream,
    no_data_seconds: UnixSeconds,
    text_of: impl Fn(SilenceMessage) -> (String, String),
) -> Result<Option<SilenceMessage>, PortError> {
    let now = clock.now().as_second();
    let claim_id = clock.random();
    let claim = |head: &Head| due_message(head, now, no_data_seconds);
    let Some(message) = swap(state, stream, now, claim, |message| Some(claimed(message, claim_id, now))).await? else {
        return Ok(None);
    };
    let ours = claimed(message, claim_id, now);
    let (subject, text) = text_of(message);
    let sent = notifier.notify(&subject, &text).await;
    let is_ours = |head: &Head| (head.times.silence == Some(ours)).then_some(());
    let ended = swap(state, stream, now, is_ours, |()| after_attempt(ours, sent.is_ok())).await;
    sent?;
    ended?;
    Ok(Some(message))
}

/// Reads the head until a write of it succeeds. `condition` decides from the head that was read if there is a write to
/// make, and `record` returns the silence that it writes. Returns the value of the condition that was met.
async fn swap<S: State, T: Copy>(
    state: &S,
    stream: &Stream,
    now: UnixSeconds,
    condition: impl Fn(&Head) -> Option<T>,
    record: impl Fn(T) -> Option<SilenceRecord>,
) -> Result<Option<T>, PortError> {
    for _ in 0..MAX_WRITE_CONFLICTS {
        let head = state.head(stream).await?.filter(|head| head.restoring.is_none());
        let Some(head) = head else { return Ok(None) };
        let Some(met) = condition(&head) else { return Ok(None) };
        let times = HeadTimes { silence: record(met), written_at: now, ..head.times };
        let (version, next) = (head.version, Head { version: head.version + 1, times, ..head });
        if state.write(stream, Some(version), &next, &[]).await? == Written::Applied {
            return Ok(Some(met));
        }
    }
    Err(PortError::next_tick(format!(
        "gave up after {MAX_WRITE_CONFLICTS} write conflicts with other ticks of the same stream; a later tick writes \
         the state of the message"
    )))
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use futures_util::future::join_all;

    use super::*;
    use crate::testing::{Fault, FaultyCall, NOW, World, head};

    const DAY: UnixSeconds = 86_400;

    /// Records the subjects of messages. Each message takes a second to send.
    #[derive(Default)]
    struct Sent {
        subjects: RefCell<Vec<String>>,
        fails: Cell<bool>,
    }

    /// A notifier with its clock.
    struct TestNotifier<'a>(&'a Sent, &'a World);

    impl Notifier for TestNotifier<'_> {
        async fn notify(&self, subject: &str, _: &str) -> Result<(), PortError> {
            self.1.clock.sleep(std::time::Duration::from_secs(1)).await;
            if self.0.fails.get() {
                return Err(PortError::next_tick("no topic"));
            }
            self.0.subjects.borrow_mut().push(subject.to_owned());
            Ok(())
        }
    }

    /// A stream whose last delivery was a day ago.
    fn world() -> World {
        let world = World::new();
        set_last_delivery(&world, NOW - DAY);
        world
    }

    fn set_last_delivery(world: &World, at: UnixSeconds) {
        let before = world.state.head_of(&world.stream).unwrap_or_else(head);
        let times = HeadTimes { last_delivery: Some(at), created_at: Some(0), ..before.times };
        world.set_head(Head { times, ..before });
    }

    async fn report(world: &World, sent: &Sent) -> Result<Option<SilenceMessage>, PortError> {
        let text = |message| {
            let subject = if matches!(message, SilenceMessage::Began { .. }) { "silent" } else { "back" };
            (subject.to_owned(), String::new())
        };
        let ports = (&world.state, &world.clock, &TestNotifier(sent, world));
        report_silence(ports, &world.stream, DAY, text).await
    }

    #[test]
    fn ok_start_and_end_are_sent_once_each_by_ticks_that_run_at_the_same_time() {
        let (world, sent) = (world(), Sent::default());
        let ticks = |random| {
            world.clock.set_random(random);
            for outcome in world.clock.run(join_all((0..5).map(|_| report(&world, &sent)))) {
                outcome.unwrap();
            }
        };
        (1..4).for_each(ticks);
        assert_eq!(*sent.subjects.borrow(), ["silent"]);
        set_last_delivery(&world, world.clock.now().as_second());
        (4..7).for_each(ticks);
        assert_eq!(
            (&sent.subjects.borrow()[..], world.head().times.silence),
            (&["silent".to_owned(), "back".to_owned()][..], None)
        );
    }

    #[test]
    fn ok_a_stream_without_a_due_message_costs_one_read_and_no_write() {
        let (world, sent) = (world(), Sent::default());
        set_last_delivery(&world, NOW);
        assert_eq!(world.clock.run(report(&world, &sent)), Ok(None));
        assert_eq!((world.calls.take(), sent.subjects.borrow().len()), (vec!["head"], 0));
    }

    #[test]
    fn err_a_message_that_could_not_be_sent_is_sent_by_the_next_tick() {
        let (world, sent) = (world(), Sent::default());
        sent.fails.set(true);
        assert_eq!(world.clock.run(report(&world, &sent)), Err(PortError::next_tick("no topic")));
        sent.fails.set(false);
        assert!(world.clock.run(report(&world, &sent)).unwrap().is_some());
        assert_eq!(*sent.subjects.borrow(), ["silent"]);
    }

    /// Only a tick that dies, or loses its state, after the message was sent can repeat it, and only once per failure.
    #[test]
    fn err_no_failure_of_the_state_loses_a_message_and_only_a_lost_confirmation_repeats_one() {
        for number in 0..4 {
            for is_applied in [false, true] {
                let (world, sent) = (world(), Sent::default());
                let fault = if is_applied { Fault::After } else { Fault::Before };
                world.calls.fault(FaultyCall::Number(number), fault);
                assert!(world.clock.run(report(&world, &sent)).is_err());
                for _ in 0..3 {
                    world.clock.advance(1_000);
                    world.clock.run(report(&world, &sent)).unwrap();
                }
                // Calls 0 and 1 claim the message, 2 and 3 write that it is sent.
                let is_repeated = number == 2 || (number == 3 && !is_applied);
                assert_eq!(sent.subjects.borrow().len(), 1 + usize::from(is_repeated), "call {number}, {is_applied}");
            }
        }
    }

    #[test]
    fn ok_a_commit_of_another_tick_between_claim_and_confirmation_is_kept() {
        let (world, sent) = (world(), Sent::default());
        let (state, stream) = (world.state.clone(), world.stream.clone());
        let commit = Fault::Meanwhile(Box::new(move || {
            let head = state.head_of(&stream).unwrap();
            let next = Head { version: head.version + 1, seq: head.seq + 1, ..head };
            state.restore(&stream, Some(next), &[]);
        }));
        world.calls.fault(FaultyCall::Number(3), commit);
        world.clock.run(report(&world, &sent)).unwrap();
        let record = world.head().times.silence.unwrap();
        assert_eq!((world.head().seq, record.is_start_sent, record.claim), (1, true, None));
    }
}
