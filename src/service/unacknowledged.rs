//! The messages of a STOMP connection that its client has not acknowledged yet; if it goes, others get them.

use std::collections::VecDeque;
use std::sync::Arc;

use super::Feed;

/// One message on its way.
struct Sent {
    id: String,
    subscription: String,
    /// Which line of the feed it is.
    line: usize,
}

/// What was sent to subscriptions that acknowledge, in the order in which it was sent.
pub(super) struct Unacknowledged {
    feed: Arc<Feed>,
    sent: VecDeque<Sent>,
}

impl Unacknowledged {
    pub(super) fn new(feed: &Arc<Feed>) -> Self {
        Unacknowledged { feed: Arc::clone(feed), sent: VecDeque::new() }
    }

    /// Notes a message that was sent.
    pub(super) fn add(&mut self, id: String, subscription: &str, line: usize) {
        self.sent.push_back(Sent { id, subscription: subscription.to_owned(), line });
    }

    /// Forgets a message, and those of its subscription that were sent before it.
    pub(super) fn acknowledge(&mut self, id: &str) {
        let Some(index) = self.sent.iter().position(|sent| sent.id == id) else { return };
        let subscription = self.sent[index].subscription.clone();
        let mut number = 0;
        self.sent.retain(|sent| {
            number += 1;
            number > index + 1 || sent.subscription != subscription
        });
    }

    /// Leaves all to other connections.
    pub(super) fn give_back(&mut self) {
        for sent in self.sent.drain(..) {
            self.feed.give_back(&sent.subscription, sent.line);
        }
    }
}

impl Drop for Unacknowledged {
    fn drop(&mut self) {
        self.give_back();
    }
}
