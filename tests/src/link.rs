//! A way between two processes that can be held up or cut: a TCP proxy on 127.0.0.1.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What becomes of bytes on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    /// They arrive.
    Open,
    /// They wait, as in a network that drops everything: nobody is told, and what was sent arrives once it is mended.
    Held,
    /// As [`Self::Held`], but only what goes out from this end: what is sent to it arrives.
    HeldOut,
    /// Connections are broken, and new ones end at once.
    Cut,
}

/// The way to one port. Ends when dropped.
#[derive(Debug)]
pub struct Link {
    port: u16,
    flow: watch::Sender<Flow>,
}

impl Link {
    /// Opens a way to `target` on this machine.
    ///
    /// # Panics
    /// When no port can be had.
    pub async fn to(target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port for a link");
        let port = listener.local_addr().expect("an address").port();
        let (flow, state) = watch::channel(Flow::Open);
        tokio::spawn(accept(listener, target, state));
        Self { port, flow }
    }

    /// The port at this end.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Lets nothing through, and tells nobody.
    pub fn hold(&self) {
        self.flow.send_replace(Flow::Held);
    }

    /// Lets nothing out, and tells nobody; what is sent to this end arrives.
    pub fn hold_out(&self) {
        self.flow.send_replace(Flow::HeldOut);
    }

    /// Breaks every connection and takes no new one.
    pub fn cut(&self) {
        self.flow.send_replace(Flow::Cut);
    }

    /// Lets everything through again.
    pub fn mend(&self) {
        self.flow.send_replace(Flow::Open);
    }
}

async fn accept(listener: TcpListener, target: u16, mut flow: watch::Receiver<Flow>) {
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => accepted,
            () = gone(flow.clone()) => return,
        };
        let Ok((near, _)) = stream else { continue };
        if *flow.borrow_and_update() != Flow::Cut {
            tokio::spawn(carry(near, target, flow.clone()));
        }
    }
}

/// Ends when the link is dropped.
async fn gone(mut flow: watch::Receiver<Flow>) {
    while flow.changed().await.is_ok() {}
}

async fn carry(near: TcpStream, target: u16, flow: watch::Receiver<Flow>) {
    let Ok(far) = TcpStream::connect(("127.0.0.1", target)).await else { return };
    let _ = (near.set_nodelay(true), far.set_nodelay(true));
    let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
    // Both ends close when one way ends.
    tokio::select! {
        () = pump(near_in, far_out, flow.clone(), |flow| matches!(flow, Flow::Held | Flow::HeldOut)) => {}
        () = pump(far_in, near_out, flow, |flow| flow == Flow::Held) => {}
    }
}

async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut flow: watch::Receiver<Flow>,
    waits: fn(Flow) -> bool,
) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = tokio::select! {
            biased;
            _ = until(flow.clone(), |flow| flow == Flow::Cut) => return,
            read = from.read(&mut buffer) => read,
        };
        let Ok(count @ 1..) = read else { return };
        let passes = flow.wait_for(|flow| !waits(*flow)).await.is_ok_and(|flow| *flow != Flow::Cut);
        if !passes || to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}

/// Ends when the flow is so, or the link is dropped.
async fn until(mut flow: watch::Receiver<Flow>, is_so: impl Fn(Flow) -> bool) {
    let _ = flow.wait_for(|flow| is_so(*flow)).await;
}
