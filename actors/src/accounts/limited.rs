//! What is limited: counted on this node first, then over all nodes, where they share limits.

use core::net::IpAddr;
use std::sync::PoisonError;

use rialto_protocol::{ErrorCode, Refusal};

use super::Accounts;
use super::throttle::Throttle;

impl Accounts {
    /// Counts a registration.
    pub(super) async fn count_registration(&self, address: IpAddr) -> Result<(), Refusal> {
        self.here(|throttle, now_ms| throttle.register(now_ms, address))?;
        match &self.0.everywhere {
            Some(everywhere) => everywhere.register(self.now().wall_ms, address).await.map_err(rate_limited),
            None => Ok(()),
        }
    }

    /// Counts a login, refresh, logout or password change.
    pub(super) async fn count_session_call(&self, address: IpAddr) -> Result<(), Refusal> {
        self.here(|throttle, now_ms| throttle.session_call(now_ms, address))?;
        match &self.0.everywhere {
            Some(everywhere) => everywhere.session_call(self.now().wall_ms, address).await.map_err(rate_limited),
            None => Ok(()),
        }
    }

    /// Whether this password may be looked at.
    pub(super) async fn may_try(&self, name: &str, address: IpAddr) -> Result<(), Refusal> {
        self.may_still_try(name, address)?;
        match &self.0.everywhere {
            Some(everywhere) => {
                let known = self.knows(name, address);
                everywhere.may_try(self.now().wall_ms, name, address, known).await.map_err(rate_limited)
            }
            None => Ok(()),
        }
    }

    /// [`Self::may_try`] once more after a while, as far as this node knows: what others have let through meanwhile shows when a password was wrong.
    pub(super) fn may_still_try(&self, name: &str, address: IpAddr) -> Result<(), Refusal> {
        self.here(|throttle, now_ms| throttle.may_try(now_ms, name, address))
    }

    /// The password was wrong. An error says that this must not be told: too many were.
    pub(super) async fn password_was_wrong(&self, name: &str, address: IpAddr) -> Result<(), Refusal> {
        let known = self.knows(name, address);
        let here = self.here(|throttle, now_ms| throttle.failed(now_ms, name, address));
        let everywhere = match &self.0.everywhere {
            Some(everywhere) => everywhere.failed(self.now().wall_ms, name, address, known).await.map_err(rate_limited),
            None => Ok(()),
        };
        here.and(everywhere)
    }

    /// The password was right, or has just been chosen.
    pub(super) async fn password_was_right(&self, name: &str, address: IpAddr) {
        let now_ms = self.now().mono_ms;
        self.0.throttle.lock().unwrap_or_else(PoisonError::into_inner).succeeded(now_ms, name, address);
        if let Some(everywhere) = &self.0.everywhere {
            everywhere.succeeded(self.now().wall_ms, name, address).await;
        }
    }

    fn knows(&self, name: &str, address: IpAddr) -> bool {
        let now_ms = self.now().mono_ms;
        self.0.throttle.lock().unwrap_or_else(PoisonError::into_inner).is_known(now_ms, name, address.into())
    }

    fn here(&self, decide: impl FnOnce(&mut Throttle, u64) -> Result<(), u32>) -> Result<(), Refusal> {
        let now_ms = self.now().mono_ms;
        decide(&mut self.0.throttle.lock().unwrap_or_else(PoisonError::into_inner), now_ms).map_err(rate_limited)
    }
}

fn rate_limited(wait_ms: u32) -> Refusal {
    Refusal::retry(ErrorCode::RateLimited, wait_ms)
}
