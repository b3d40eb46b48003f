//! The thread that folds a desk's views, behind everything else that wants the processor: a view may be late, a message
//! on its way to an agent may not. On Linux its priority is lower than that of the other threads; elsewhere it only is a
//! thread of its own.

use std::sync::mpsc;
use std::thread;

use tokio::sync::oneshot;
use tracing::debug;

/// How much nicer than the rest: about a third of the processor's time while others want all of it, all of it else.
#[cfg(target_os = "linux")]
const NICER: i32 = 5;

type Job = Box<dyn FnOnce() + Send>;

/// A thread that does one thing after another. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Background {
    jobs: mpsc::Sender<Job>,
}

/// The thread is gone: what it did panicked.
#[derive(Debug, thiserror::Error)]
#[error("the thread that folds the view ended in the middle of its work; this is a defect, please report it")]
pub(crate) struct Gone;

impl Background {
    /// Starts the thread.
    pub(crate) fn start(desk: &str) -> std::io::Result<Self> {
        let (jobs, waiting) = mpsc::channel::<Job>();
        thread::Builder::new().name(format!("view {desk}")).spawn(move || {
            step_back();
            for job in waiting {
                job();
            }
        })?;
        Ok(Self { jobs })
    }

    /// Does something there.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Gone> {
        let (done, result) = oneshot::channel();
        let job = Box::new(move || drop(done.send(work())));
        self.jobs.send(job).map_err(|_| Gone)?;
        result.await.map_err(|_| Gone)
    }
}

#[cfg(target_os = "linux")]
fn step_back() {
    use rustix::process::{getpriority_process, setpriority_process};
    let this = Some(rustix::thread::gettid());
    let lowered = getpriority_process(this).and_then(|now| setpriority_process(this, now + NICER));
    if let Err(error) = lowered {
        debug!(%error, "the view's thread keeps its priority");
    }
}

#[cfg(not(target_os = "linux"))]
fn step_back() {
    debug!("the view's thread keeps its priority");
}

#[cfg(test)]
mod tests {
    use super::{Background, Gone};

    #[tokio::test]
    async fn work_is_done_in_order_and_a_panic_is_told() {
        let background = Background::start("desk").unwrap();
        for n in 0..10 {
            assert_eq!(background.run(move || n).await.unwrap(), n);
        }
        let failed = background.run(|| -> u32 { panic!("as a defect would") }).await;
        assert!(matches!(failed, Err(Gone)));
        assert!(matches!(background.run(|| 1).await, Err(Gone)), "nothing hangs afterwards");
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn its_thread_steps_back_and_no_other() {
        let priority = || {
            let this = Some(rustix::thread::gettid());
            rustix::process::getpriority_process(this).unwrap()
        };
        let (before, there) = (priority(), Background::start("desk").unwrap().run(priority).await.unwrap());
        assert!(there > before || there == 19, "{there} where the others have {before}");
        assert_eq!(priority(), before);
    }
}
