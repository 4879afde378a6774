//! What does this machine have left? Memory of the system and of control groups, space of a disk.

use std::fs;
use std::path::{Component, Path, PathBuf};

use serde::Serialize;

/// What bounds the memory of this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// What the system can give without swapping (`MemAvailable`).
    Machine,
    /// The limit of a control group, as containers have.
    ControlGroup,
    /// Somebody said so.
    Given,
}

impl Limit {
    /// Where the number comes from, in words.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Machine => "available on this machine",
            Self::ControlGroup => "left by the limit of the control group",
            Self::Given => "given",
        }
    }
}

/// Memory that a process may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Room {
    /// Bytes it can still allocate.
    pub available: u64,
    /// Bytes it holds already.
    pub resident: u64,
    /// What bounds them.
    pub limit: Limit,
}

impl Room {
    /// What this process may take now; `None` where the system does not say.
    #[must_use]
    pub fn now() -> Option<Self> {
        Self::below(Path::new("/"))
    }

    /// The same by the files of a system at `root`.
    fn below(root: &Path) -> Option<Self> {
        let machine = field(&fs::read_to_string(root.join("proc/meminfo")).ok()?, "MemAvailable:")?;
        let status = fs::read_to_string(root.join("proc/self/status")).unwrap_or_default();
        let resident = field(&status, "VmRSS:").unwrap_or(0);
        Some(match groups(root).iter().filter_map(Group::left).min() {
            Some(left) if left < machine => Self { available: left, resident, limit: Limit::ControlGroup },
            _ => Self { available: machine, resident, limit: Limit::Machine },
        })
    }

    /// So much for a process that has not begun.
    #[must_use]
    pub fn given(bytes: u64) -> Self {
        Self { available: bytes, resident: 0, limit: Limit::Given }
    }

    /// Bytes that the process may hold altogether.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.available.saturating_add(self.resident)
    }
}

/// The value of a field of the system's tables, given there in kB.
fn field(table: &str, name: &str) -> Option<u64> {
    let value = table.lines().find_map(|line| line.strip_prefix(name))?;
    value.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// A control group with the names that its version has for limit, use and reclaimable cache.
struct Group {
    directory: PathBuf,
    names: [&'static str; 3],
}

/// The control groups that this process is in, with those above them: each of them bounds it.
fn groups(root: &Path) -> Vec<Group> {
    let table = fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
    let mut found = Vec::new();
    for line in table.lines() {
        let mut parts = line.splitn(3, ':');
        let (Some(_), Some(controllers), Some(path)) = (parts.next(), parts.next(), parts.next()) else { continue };
        let (base, names) = if controllers.is_empty() {
            ("sys/fs/cgroup", ["memory.max", "memory.current", "inactive_file"])
        } else if controllers.split(',').any(|controller| controller == "memory") {
            ("sys/fs/cgroup/memory", ["memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"])
        } else {
            continue;
        };
        let mut directory = root.join(base);
        found.push(Group { directory: directory.clone(), names });
        // Where the group lies outside of what a container sees, the path leads nowhere and counts nothing.
        for part in Path::new(path).components().filter(|part| matches!(part, Component::Normal(_))) {
            directory.push(part);
            found.push(Group { directory: directory.clone(), names });
        }
    }
    found
}

impl Group {
    /// Bytes left below the limit, cache that can be dropped at once not counted as used; `None` without a limit.
    fn left(&self) -> Option<u64> {
        let number = |name: &str| fs::read_to_string(self.directory.join(name)).ok()?.trim().parse::<u64>().ok();
        let [limit, usage, cache] = self.names;
        let (limit, usage) = (number(limit)?, number(usage)?);
        let statistics = fs::read_to_string(self.directory.join("memory.stat")).unwrap_or_default();
        let cache = statistics.lines().find_map(|line| line.strip_prefix(cache)?.trim().parse::<u64>().ok());
        Some(limit.saturating_sub(usage.saturating_sub(cache.unwrap_or(0))))
    }
}

/// The disks that a run writes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiskRoom {
    /// Bytes free where the model directory will be, where the system says.
    pub model_directory: Option<u64>,
    /// Bytes free where checkpoints are written, where that is another file system.
    pub checkpoints: Option<u64>,
    /// Bytes of the checkpoint that is there already.
    pub found: u64,
}

impl DiskRoom {
    /// What is free now where a model directory and a checkpoint will be; neither need exist yet.
    #[must_use]
    pub fn now(model_directory: &Path, checkpoint: &Path) -> Self {
        let (model, other) = (FileSystem::of(model_directory), FileSystem::of(checkpoint));
        let apart = model.zip(other).filter(|(model, other)| model.device != other.device);
        Self {
            model_directory: model.map(|model| model.free),
            checkpoints: apart.map(|(_, other)| other.free),
            found: fs::metadata(checkpoint).map_or(0, |file| file.len()),
        }
    }
}

/// Where files are, and how many bytes more can be there.
#[derive(Clone, Copy, Debug)]
struct FileSystem {
    device: u64,
    free: u64,
}

impl FileSystem {
    /// That of a path that need not exist yet; `None` where the system does not say.
    fn of(path: &Path) -> Option<Self> {
        let absolute = std::path::absolute(path).ok()?;
        Self::at(absolute.ancestors().find(|ancestor| ancestor.exists())?)
    }

    #[cfg(target_os = "linux")]
    fn at(existing: &Path) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;
        let disk = rustix::fs::statvfs(existing).ok()?;
        let device = fs::metadata(existing).ok()?.dev();
        Some(Self { device, free: disk.f_bavail.checked_mul(disk.f_frsize)? })
    }

    #[cfg(not(target_os = "linux"))]
    fn at(_: &Path) -> Option<Self> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A system of files.
    fn system(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    const MEMORY: (&str, &str) = ("proc/meminfo", "MemTotal: 9 kB\nMemAvailable:   4096 kB\n");
    const STATUS: (&str, &str) = ("proc/self/status", "VmHWM:\t 99 kB\nVmRSS:\t 512 kB\n");

    fn room(files: &[(&str, &str)]) -> Option<Room> {
        Room::below(system(files).path())
    }

    #[test]
    fn without_a_group_it_is_what_the_system_can_give() {
        let expected = Room { available: 4 << 20, resident: 512 << 10, limit: Limit::Machine };
        assert_eq!(room(&[MEMORY, STATUS]), Some(expected));
        assert_eq!(expected.bytes(), (4 << 20) + (512 << 10));
        assert_eq!(room(&[STATUS]), None);
        assert_eq!(room(&[("proc/meminfo", "MemTotal: 9 kB\n")]), None);
    }

    #[test]
    fn the_tightest_group_counts_and_cache_is_no_use() {
        let group = ("proc/self/cgroup", "0::/outer/inner\n");
        let inner =
            [("sys/fs/cgroup/outer/inner/memory.max", "max\n"), ("sys/fs/cgroup/outer/inner/memory.current", "7\n")];
        let outer = [
            ("sys/fs/cgroup/outer/memory.max", "2000000\n"),
            ("sys/fs/cgroup/outer/memory.current", "1500000\n"),
            ("sys/fs/cgroup/outer/memory.stat", "anon 5\ninactive_file 300000\nactive_file 1\n"),
        ];
        let bounded = room(&[&[MEMORY, STATUS, group], &inner[..], &outer[..]].concat()).unwrap();
        assert_eq!((bounded.available, bounded.limit), (800_000, Limit::ControlGroup));
        let wide = [("sys/fs/cgroup/outer/memory.max", "99000000\n"), ("sys/fs/cgroup/outer/memory.current", "0\n")];
        assert_eq!(room(&[&[MEMORY, STATUS, group], &wide[..]].concat()).unwrap().limit, Limit::Machine);
    }

    #[test]
    fn the_first_version_of_groups_counts_too_and_what_cannot_be_read_does_not() {
        let group = ("proc/self/cgroup", "9:name=systemd:/x\n4:cpu,memory:/job\n0::/\n");
        let files = [
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"),
            ("sys/fs/cgroup/memory/memory.usage_in_bytes", "100\n"),
            ("sys/fs/cgroup/memory/job/memory.limit_in_bytes", "1000\n"),
            ("sys/fs/cgroup/memory/job/memory.usage_in_bytes", "3000\n"),
            ("sys/fs/cgroup/memory/job/memory.stat", "cache 9\ntotal_inactive_file 2500\n"),
        ];
        let bounded = room(&[&[MEMORY, group], &files[..]].concat()).unwrap();
        assert_eq!((bounded.available, bounded.limit), (500, Limit::ControlGroup));
        let strange = ("proc/self/cgroup", "nonsense\n0::/../../elsewhere\n");
        assert_eq!(room(&[MEMORY, strange]).unwrap().limit, Limit::Machine);
    }

    #[test]
    fn a_disk_is_found_by_paths_that_are_to_be_made() {
        let root = tempfile::tempdir().unwrap();
        let (model, checkpoint) = (root.path().join("a/b/model"), root.path().join("checkpoint"));
        let room = DiskRoom::now(&model, &checkpoint);
        assert_eq!(room.model_directory.is_some(), cfg!(target_os = "linux"));
        assert_eq!((room.checkpoints, room.found), (None, 0), "both are on one disk");
        fs::write(&checkpoint, "12345").unwrap();
        assert_eq!(DiskRoom::now(&model, &checkpoint).found, 5);
        // A file system of its own on every Linux.
        let elsewhere = DiskRoom::now(&model, Path::new("/proc/checkpoint"));
        assert_eq!(elsewhere.checkpoints.is_some(), cfg!(target_os = "linux"));
    }
}
