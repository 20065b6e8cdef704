//! The one actor. It owns a machine and a performer, and is all that Rialto shows of itself to actix.

use std::future::Future;
use std::time::Duration;

use actix::dev::MessageResponse;
use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, SpawnHandle, fut::wrap_future};

use tracing::Span;

use super::handle::{Envelope, Handle, Waiting};
use super::supervise::{PanicReport, guarded};
use super::{Clock, Effects, Machine};

/// Carries out what a machine wants. It lives on the actor's thread and may hold what only that thread may touch.
pub trait Performer<M: Machine>: Sized + 'static {
    /// Carries out one effect. It queues, starts or hands on; it never blocks.
    fn perform(&mut self, effect: M::Effect, acts: &mut Acts<'_, M, Self>);

    /// All effects of one input are performed.
    fn settled(&mut self, _acts: &mut Acts<'_, M, Self>) {}

    /// What the lines of an input's work are marked with. It is made for each input, so it must cost nothing while nobody listens at its level.
    fn span(&self) -> Span {
        Span::none()
    }

    /// Says whose panic it was: as [`Performer::span`], but at a level that is always heard.
    fn crash_span(&self) -> Span {
        Span::none()
    }

    /// The machine panicked and is gone: a new one, with a first input for it, or `None` to end the actor. The caller has counted and logged the panic.
    fn rebuild(&mut self, panic: &PanicReport) -> Option<(M, M::Input)>;
}

/// The actor around one machine.
pub struct Shell<M: Machine, P: Performer<M>> {
    name: &'static str,
    machine: M,
    performer: P,
    clock: Clock,
    effects: Effects<M::Effect>,
    waiting: Waiting,
    timer: Option<(u64, SpawnHandle)>,
    ended: bool,
}

/// What a performer may do to its actor.
pub struct Acts<'a, M: Machine, P: Performer<M>> {
    context: &'a mut Context<Shell<M, P>>,
    timer: &'a mut Option<(u64, SpawnHandle)>,
    again: &'a mut Vec<M::Input>,
    ended: &'a mut bool,
    /// When the effects were decided, monotonic milliseconds.
    pub mono_ms: u64,
}

impl<M: Machine, P: Performer<M>> Acts<'_, M, P> {
    /// Feeds what the future yields back as an input. It does not pass the mailbox, so it is never refused; it ends with the actor.
    pub fn later(&mut self, future: impl Future<Output = M::Input> + 'static) {
        self.context.spawn(wrap_future::<_, Shell<M, P>>(future).map(|input, shell, context| shell.run(input, context)));
    }

    /// Feeds an input back when all that is ready on this thread has run and what has come to its sockets meanwhile has been taken in.
    pub fn after_round(&mut self, input: M::Input) {
        self.later(async move {
            tokio::task::yield_now().await;
            input
        });
    }

    /// Runs a future on this thread whose end nobody waits for.
    pub fn detach(&mut self, future: impl Future<Output = ()> + 'static) {
        detach(future);
    }

    /// Feeds an input back right after the present effects.
    pub fn again(&mut self, input: M::Input) {
        self.again.push(input);
    }

    /// Feeds `input()` back at a monotonic time; one timer per actor: an earlier wish than the standing one replaces it, a later one does not.
    pub fn wake_at(&mut self, mono_ms: u64, input: fn() -> M::Input) {
        if let Some((standing, handle)) = *self.timer {
            if standing <= mono_ms {
                return;
            }
            self.context.cancel_future(handle);
        }
        let wait = Duration::from_millis(mono_ms.saturating_sub(self.mono_ms));
        let handle = self.context.run_later(wait, move |shell, context| {
            shell.timer = None;
            shell.run(input(), context);
        });
        *self.timer = Some((mono_ms, handle));
    }

    /// Ends the actor after the present effects.
    pub fn stop(&mut self) {
        *self.ended = true;
    }
}

/// Runs a future on this thread whose end nobody waits for.
pub fn detach(future: impl Future<Output = ()> + 'static) {
    actix_rt::spawn(future);
}

impl<M: Machine, P: Performer<M>> Shell<M, P>
where
    M::Input: Send,
{
    /// Starts an actor on this thread. `mailbox` bounds how many inputs may wait. The name is for logs and metrics.
    pub fn start(name: &'static str, machine: M, performer: P, clock: Clock, mailbox: usize) -> Handle<M::Input> {
        let waiting = Waiting::default();
        let shell =
            Self { name, machine, performer, clock, effects: Effects::default(), waiting: waiting.clone(), timer: None, ended: false };
        let address = Self::create(move |context| {
            context.set_mailbox_capacity(mailbox);
            shell
        });
        Handle::new(address.recipient(), waiting)
    }
}

impl<M: Machine, P: Performer<M>> Shell<M, P> {
    fn run(&mut self, input: M::Input, context: &mut Context<Self>) {
        let mut again = Vec::new();
        self.step(input, context, &mut again);
        // `again` inputs may want more of them; each machine bounds that by its own states.
        while !again.is_empty() {
            for input in std::mem::take(&mut again) {
                self.step(input, context, &mut again);
            }
        }
        if self.ended {
            actix::ActorContext::stop(context);
        }
    }

    fn step(&mut self, input: M::Input, context: &mut Context<Self>, again: &mut Vec<M::Input>) {
        if self.ended {
            return;
        }
        let span = self.performer.span();
        let _entered = span.enter();
        let now = self.clock.now();
        let (machine, effects) = (&mut self.machine, &mut self.effects);
        if let Err(panic) = guarded(|| machine.apply(now, input, effects)) {
            self.crashed(&panic, again);
        }
        let Self { performer, effects, timer, ended, .. } = self;
        let mut acts = Acts { context, timer, again, ended, mono_ms: now.mono_ms };
        for effect in effects.drain() {
            performer.perform(effect, &mut acts);
        }
        performer.settled(&mut acts);
    }

    fn crashed(&mut self, panic: &PanicReport, again: &mut Vec<M::Input>) {
        metrics::counter!("rialto_actor_panics_total", "actor" => self.name).increment(1);
        let name = self.name;
        self.performer.crash_span().in_scope(|| {
            tracing::error!(actor = name, message = %panic.message, location = %panic.location, "actor panicked");
        });
        self.effects.clear();
        match self.performer.rebuild(panic) {
            Some((machine, first)) => {
                self.machine = machine;
                again.push(first);
            }
            None => self.ended = true,
        }
    }
}

impl<M: Machine, P: Performer<M>> Unpin for Shell<M, P> {}

impl<M: Machine, P: Performer<M>> Actor for Shell<M, P> {
    type Context = Context<Self>;
}

impl<M: Machine, P: Performer<M>> Handler<Envelope<M::Input>> for Shell<M, P>
where
    (): MessageResponse<Self, Envelope<M::Input>>,
{
    type Result = ();

    fn handle(&mut self, Envelope(input): Envelope<M::Input>, context: &mut Context<Self>) {
        self.waiting.left();
        self.run(input, context);
    }
}

#[cfg(test)]
mod tests;
