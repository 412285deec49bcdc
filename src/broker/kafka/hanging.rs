//! Transactions whose end the server has lost (`docs/decisions/005-kafka.md`).
//!
//! Kafka 4.3, started again after a crash, may call a transaction finished whose end it has not written to a partition: what was
//! committed is not seen there, nor what comes after it. The end of a later transaction of the same producer serves for both. So
//! where something hangs, each producer writes one that holds nothing but a void record.

use std::sync::{Arc, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use super::BrokerError;
use super::admin::Purpose;
use super::bell::Bell;
use super::observer::Scan;
use super::part::Position;
use super::shared::{Queue, Shared, lock};
use super::writer::{Failed, Mark, Record, VOID, Writer};

/// How long a transaction's end may take to be written before it is taken for lost.
pub(super) const LATE: Duration = Duration::from_secs(1);
/// How long to wait before it is looked again.
const TICK: Duration = Duration::from_millis(5);

/// A partition of a topic.
pub(super) type Partition<'a> = (&'a str, i32);

impl Shared {
    /// Ends what this process's producers have open in partitions, and in the positions of the group if there is `also_group`.
    pub(super) fn end_hanging(
        &self,
        writer: &mut Writer,
        partitions: &[Partition<'_>],
        also_group: bool,
    ) -> Result<(), BrokerError> {
        let records: Vec<Record<'_>> = partitions
            .iter()
            .map(|&(topic, partition)| Record { topic, partition, key: Some(VOID.to_vec()), body: None })
            .collect();
        let group = also_group.then(|| self.reader.group()).transpose()?;
        let marks = if also_group { vec![self.void_mark()?] } else { Vec::new() };
        for _ in 0..Writer::PRODUCERS {
            let written = writer.write(&records, &marks, group.as_ref());
            written.map_err(|(Failed::Nothing(error) | Failed::Unsure(error))| error)?;
        }
        Ok(())
    }

    /// Does so unless somebody is writing, who ends what hangs or hears of it.
    pub(super) fn try_end_hanging(
        &self,
        partitions: &[Partition<'_>],
        also_group: bool,
    ) -> Result<(), BrokerError> {
        let mut writer = match self.writer.try_lock() {
            Ok(writer) => writer,
            Err(TryLockError::Poisoned(poisoned)) => PoisonError::into_inner(poisoned),
            Err(TryLockError::WouldBlock) => return Ok(()),
        };
        self.end_hanging(&mut writer, partitions, also_group)
    }

    /// Makes a position of nobody's, with which a transaction reaches the positions of the group.
    fn void_mark(&self) -> Result<Mark, BrokerError> {
        let topic = self.names.void();
        if self.observer.partitions(&topic)?.is_none() {
            self.admin.create(&[&topic], Purpose::State)?;
        }
        Ok(Mark { topic: topic.into(), partition: 0, position: Position::default() })
    }

    /// Waits until what this process has sent can be read.
    pub(super) fn appears(&self, scan: Scan<'_>) -> Result<(), BrokerError> {
        if self.observer.reaches(scan, LATE)? {
            return Ok(());
        }
        self.try_end_hanging(&[(scan.topic, scan.partition)], false)
    }

    /// Makes sure that all can be read that is stored in a queue; others may write to it meanwhile.
    pub(super) fn surface(&self, queue: &Arc<Queue>) -> Result<(), BrokerError> {
        let partitions = lock(&queue.inner).known.parts.len() as i32;
        let begin = Instant::now();
        let tick = Bell::default();
        let mut hanging = Vec::new();
        for partition in 0..partitions {
            let end = self.admin.end(&queue.topic, partition)?;
            while self.observer.reach(&queue.topic, partition)?.1 < end {
                if begin.elapsed() > LATE {
                    hanging.push((&*queue.topic, partition));
                    break;
                }
                tick.wait(0, Instant::now() + TICK);
            }
        }
        if hanging.is_empty() { Ok(()) } else { self.try_end_hanging(&hanging, false) }
    }
}
