//! A channel's numbered publications, dense from 1, and the rules of reading and recovering them.

use rialto_protocol::command::{History, Recover};
use rialto_protocol::limits::PUBLICATIONS_PER_ANSWER_MAX;
use rialto_protocol::reply::{ClientInfo, HistoryResult, Publication, RawJson, SubscribeResult};

pub(super) struct Stream {
    pub(super) epoch: String,
    publications: Vec<Publication>,
}

impl Stream {
    pub(super) fn new(epoch: String) -> Self {
        Self { epoch, publications: Vec::new() }
    }

    pub(super) fn top(&self) -> u64 {
        self.publications.len() as u64
    }

    pub(super) fn push(&mut self, data: RawJson, info: Option<ClientInfo>) -> Publication {
        let publication = Publication { data, info, offset: self.top() + 1 };
        self.publications.push(publication.clone());
        publication
    }

    /// Recovery is whole or not at all.
    pub(super) fn subscribe(&self, Recover { recover, epoch, offset }: &Recover) -> SubscribeResult {
        let begin = SubscribeResult {
            recoverable: true,
            positioned: true,
            epoch: self.epoch.clone(),
            offset: self.top(),
            was_recovering: *recover,
            ..SubscribeResult::default()
        };
        let is_known = (epoch.is_empty() || *epoch == self.epoch) && *offset <= self.top();
        let missed = self.publications.get(index(*offset)..).filter(|missed| missed.len() <= PUBLICATIONS_PER_ANSWER_MAX);
        match missed {
            Some(missed) if *recover && is_known => {
                SubscribeResult { publications: missed.to_vec(), recovered: true, offset: *offset, ..begin }
            }
            _ => begin,
        }
    }

    /// `None` when the position lies in another epoch.
    pub(super) fn history(&self, History { limit, since, reverse, .. }: &History) -> Option<HistoryResult> {
        if since.as_ref().is_some_and(|since| !since.epoch.is_empty() && since.epoch != self.epoch) {
            return None;
        }
        let offset = since.as_ref().map(|since| since.offset);
        let count = usize::try_from(*limit).unwrap_or(PUBLICATIONS_PER_ANSWER_MAX).min(PUBLICATIONS_PER_ANSWER_MAX);
        let all = self.publications.iter();
        let publications = if *reverse {
            all.rev().filter(|row| offset.is_none_or(|offset| row.offset < offset)).take(count).cloned().collect()
        } else {
            all.skip(index(offset.unwrap_or(0))).take(count).cloned().collect()
        };
        Some(HistoryResult { publications, epoch: self.epoch.clone(), offset: self.top() })
    }
}

fn index(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}
