//! Carries the output of many jobs to the one thread that writes it.
//!
//! Each job has a *lane*: a queue of [`Step`]s, chunks of bytes and records, that its worker fills. The writer takes the
//! steps of one lane, the *head*, as they come, until that job has finished; then the next lane becomes head. In
//! [`Sequence::Input`] the next one is the next number, so the result does not depend on who was faster. In
//! [`Sequence::Completion`] it is whichever finished first, or, when a job had to wait for memory, that job.
//!
//! A *part* of a lane is what lies between two records. [`Ordered::withdraw`] takes the current part back: what is still
//! queued simply vanishes; if some of it has been handed to the writer, the writer is told by [`Step::Withdraw`].

use super::budget::{Budget, Reservation};
use crate::cancel::Stop;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// In which order lanes are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sequence {
    /// By their numbers.
    Input,
    /// As they finish.
    Completion,
}

/// What the writer does next.
#[derive(Debug)]
pub(crate) enum Step<R> {
    /// Write these bytes; dropping the reservation says that they are written.
    Bytes(Vec<u8>, Option<Reservation>),
    /// The part is complete.
    Record(R),
    /// Take back what was written since the last record.
    Withdraw,
}

#[derive(Debug)]
struct Lane<R> {
    steps: VecDeque<Step<R>>,
    finished: bool,
    /// Whether bytes of the current part have gone to the writer.
    part_sent: bool,
}

impl<R> Default for Lane<R> {
    fn default() -> Self {
        Self { steps: VecDeque::new(), finished: false, part_sent: false }
    }
}

#[derive(Debug)]
struct State<R> {
    lanes: HashMap<u64, Lane<R>>,
    /// Lanes that are finished and wait for their turn (completion order).
    finished: VecDeque<u64>,
    next_number: u64,
    /// Number of jobs, once no more are added.
    total: Option<u64>,
    written: u64,
}

/// The lanes of a run.
#[derive(Debug)]
pub(crate) struct Ordered<R> {
    state: Mutex<State<R>>,
    ready: Condvar,
    sequence: Sequence,
    budget: Arc<Budget>,
    stop: Stop,
}

impl<R> Ordered<R> {
    pub(crate) fn new(sequence: Sequence, budget: Arc<Budget>, stop: Stop) -> Self {
        if sequence == Sequence::Input {
            budget.set_head(Some(0));
        }
        let state = State { lanes: HashMap::new(), finished: VecDeque::new(), next_number: 0, total: None, written: 0 };
        Self { state: Mutex::new(state), ready: Condvar::new(), sequence, budget, stop }
    }

    fn lock(&self) -> MutexGuard<'_, State<R>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a step to a job's lane.
    pub(crate) fn push(&self, job: u64, step: Step<R>) {
        self.lock().lanes.entry(job).or_default().steps.push_back(step);
        self.ready.notify_one();
    }

    /// Takes back the job's current part.
    pub(crate) fn withdraw(&self, job: u64) {
        let mut state = self.lock();
        let lane = state.lanes.entry(job).or_default();
        let mut dropped = Vec::new();
        while matches!(lane.steps.back(), Some(Step::Bytes(..))) {
            dropped.extend(lane.steps.pop_back());
        }
        if lane.part_sent && lane.steps.is_empty() {
            lane.part_sent = false;
            lane.steps.push_back(Step::Withdraw);
        }
        drop(state);
        // Outside the lock: each drop releases a reservation, which takes the budget's lock.
        drop(dropped);
        self.ready.notify_one();
    }

    /// Says that the job has pushed all its steps.
    pub(crate) fn finish(&self, job: u64) {
        let mut state = self.lock();
        state.lanes.entry(job).or_default().finished = true;
        if self.sequence == Sequence::Completion {
            state.finished.push_back(job);
        }
        drop(state);
        self.ready.notify_one();
    }

    /// Says how many jobs there are in all.
    pub(crate) fn close(&self, total: u64) {
        self.lock().total = Some(total);
        self.ready.notify_one();
    }

    /// The next step for the writer: waits for one; `None` when all jobs are written or the run was stopped.
    pub(crate) fn next(&self) -> Option<Step<R>> {
        let mut state = self.lock();
        loop {
            if self.stop.is_set() {
                return None;
            }
            match self.advance(&mut state) {
                Advance::Step(step) => return Some(step),
                Advance::Again => {}
                Advance::End => return None,
                // The timeout is for the stop flag and for a head elected by the budget.
                Advance::Wait => {
                    let wait = self.ready.wait_timeout(state, Duration::from_millis(20));
                    state = wait.unwrap_or_else(PoisonError::into_inner).0;
                }
            }
        }
    }

    fn advance(&self, state: &mut State<R>) -> Advance<R> {
        let head = match self.sequence {
            Sequence::Input => Some(state.next_number),
            Sequence::Completion => self.budget.head_or(state.finished.front().copied()),
        };
        let Some(head) = head else {
            return if state.total == Some(state.written) { Advance::End } else { Advance::Wait };
        };
        let Some(lane) = state.lanes.get_mut(&head) else {
            return if state.total == Some(state.written) { Advance::End } else { Advance::Wait };
        };
        if let Some(step) = lane.steps.pop_front() {
            lane.part_sent = match step {
                Step::Bytes(..) => true,
                Step::Record(_) | Step::Withdraw => false,
            };
            return Advance::Step(step);
        }
        if !lane.finished {
            return Advance::Wait;
        }
        state.lanes.remove(&head);
        state.written += 1;
        match self.sequence {
            Sequence::Input => {
                state.next_number += 1;
                self.budget.set_head(Some(state.next_number));
            }
            Sequence::Completion => {
                // Nearly always the first: a search through all that wait would make many items quadratic.
                if let Some(place) = state.finished.iter().position(|job| *job == head) {
                    state.finished.remove(place);
                }
                self.budget.set_head(None);
            }
        }
        Advance::Again
    }
}

enum Advance<R> {
    Step(Step<R>),
    Again,
    Wait,
    End,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ordered(sequence: Sequence, budget_bytes: u64) -> (Arc<Budget>, Ordered<u32>) {
        let stop = Stop::default();
        let budget = Budget::new(budget_bytes, 0, stop.clone());
        let ordered = Ordered::new(sequence, Arc::clone(&budget), stop);
        (budget, ordered)
    }

    fn drain(ordered: &Ordered<u32>) -> Vec<String> {
        std::iter::from_fn(|| ordered.next())
            .map(|step| match step {
                Step::Bytes(bytes, _) => String::from_utf8(bytes).expect("test bytes are text"),
                Step::Record(record) => format!("#{record}"),
                Step::Withdraw => "withdraw".to_owned(),
            })
            .collect()
    }

    fn bytes(text: &str) -> Step<u32> {
        Step::Bytes(text.as_bytes().to_vec(), None)
    }

    #[test]
    fn lanes_come_out_by_number_however_they_finished() {
        let (_, ordered) = ordered(Sequence::Input, 100);
        for job in [2, 0, 1] {
            ordered.push(job, bytes(&format!("job{job}")));
            ordered.push(job, Step::Record(job as u32));
            ordered.finish(job);
        }
        ordered.close(3);
        assert_eq!(drain(&ordered), ["job0", "#0", "job1", "#1", "job2", "#2"]);
    }

    #[test]
    fn in_completion_order_the_first_finished_is_first() {
        let (_, ordered) = ordered(Sequence::Completion, 100);
        ordered.push(0, bytes("slow"));
        for job in [2, 1, 0] {
            ordered.push(job, Step::Record(job as u32));
            ordered.finish(job);
        }
        ordered.close(3);
        assert_eq!(drain(&ordered), ["#2", "#1", "slow", "#0"]);
    }

    #[test]
    fn what_was_not_sent_vanishes_silently() {
        let (_, ordered) = ordered(Sequence::Input, 100);
        ordered.push(0, bytes("kept"));
        ordered.push(0, Step::Record(1));
        ordered.push(0, bytes("withdrawn"));
        ordered.withdraw(0);
        ordered.finish(0);
        ordered.close(1);
        assert_eq!(drain(&ordered), ["kept", "#1"]);
    }

    #[test]
    fn what_was_sent_is_withdrawn_by_the_writer() {
        let (_, ordered) = ordered(Sequence::Input, 100);
        ordered.push(0, bytes("sent"));
        assert!(matches!(ordered.next(), Some(Step::Bytes(..))));
        ordered.push(0, bytes("queued"));
        ordered.withdraw(0);
        ordered.push(0, bytes("again"));
        ordered.push(0, Step::Record(7));
        ordered.finish(0);
        ordered.close(1);
        assert_eq!(drain(&ordered), ["withdraw", "again", "#7"]);
    }

    #[test]
    fn withdrawn_bytes_free_their_reservation() {
        let (budget, ordered) = ordered(Sequence::Input, 100);
        let reservation = budget.try_reserve(1, 100).expect("free");
        ordered.push(1, Step::Bytes(vec![0; 50], Some(reservation)));
        assert!(budget.try_reserve(1, 1).is_none());
        ordered.withdraw(1);
        assert!(budget.try_reserve(1, 50).is_some());
    }

    #[test]
    fn no_jobs_end_at_once() {
        for sequence in [Sequence::Input, Sequence::Completion] {
            let (_, ordered) = ordered(sequence, 100);
            ordered.close(0);
            assert!(ordered.next().is_none());
        }
    }
}
