//! A disk that can lose its power and run out of room: a small FUSE file system in memory, written here because a
//! killed process proves nothing about power (its bytes have reached the kernel).
//!
//! What survives [`Disk::lose_power`] is what a journaling file system (ext4, XFS) promises and no more: a flush
//! (`fsync`, `fdatasync`, a write through `O_SYNC`) keeps the bytes of that one file, and all names as they stand;
//! bytes of other files that were not flushed are gone, and a file whose bytes never were is empty.

mod files;
mod tree;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use fuser::{BackgroundSession, Config, MountOption};

use files::Files;
use tree::Tree;

/// A mounted disk. Unmounted when dropped; whoever has files open on it has to have ended.
#[derive(Debug)]
pub struct Disk {
    path: PathBuf,
    tree: Arc<Mutex<Tree>>,
    session: Option<BackgroundSession>,
}

impl Disk {
    /// Mounts an empty disk on an empty folder; `room` is its size in bytes.
    ///
    /// # Errors
    /// Where there is no FUSE, or this user may not mount.
    pub fn mount(path: &Path, room: u64) -> io::Result<Self> {
        std::fs::create_dir_all(path)?;
        let tree = Arc::new(Mutex::new(Tree::new(room)));
        let mut disk = Self { path: path.to_owned(), tree, session: None };
        disk.switch_on()?;
        Ok(disk)
    }

    fn switch_on(&mut self) -> io::Result<()> {
        let mut config = Config::default();
        config.mount_options = vec![MountOption::FSName("simpang-test".into()), MountOption::NoAtime];
        self.session = Some(fuser::spawn_mount(Files(self.tree.clone()), &self.path, &config)?);
        Ok(())
    }

    fn switch_off(&mut self) {
        if let Some(session) = self.session.take() {
            session.umount_and_join().expect("the disk is unmounted: nobody has files open on it");
        }
    }

    /// Loses everything that was not flushed.
    ///
    /// # Panics
    /// When somebody has files open on it.
    pub fn lose_power(&mut self) {
        self.switch_off();
        self.tree.lock().unwrap().lose_power();
        self.switch_on().expect("the disk is mounted again");
    }

    /// Makes it larger or smaller; what stands on it stays.
    pub fn set_room(&self, bytes: u64) {
        self.tree.lock().unwrap().set_room(bytes);
    }

    /// Bytes that stand on it.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.tree.lock().unwrap().used()
    }

    /// How often something was flushed.
    #[must_use]
    pub fn flushes(&self) -> u64 {
        self.tree.lock().unwrap().flushes()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if let Some(session) = self.session.take() {
            let _ = session.umount_and_join();
        }
    }
}
