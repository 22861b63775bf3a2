//! Files and directories: whole or not at all, private where they should be.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;

use crate::domain::failure::{Code, Failure, Result};

fn failed(path: &Path, action: &str, error: &io::Error) -> Failure {
    Failure::new(Code::File).with("file", path.display()).with("action", action).with("cause", error)
}

/// The folder for journal, practice state and the last board: `KEYLESS_STATE_DIR`, else the platform's own.
///
/// # Errors
/// No home directory can be found and none was given.
pub fn state_dir(given: Option<&str>) -> Result<PathBuf> {
    if let Some(given) = given {
        return Ok(PathBuf::from(given));
    }
    let strategy = etcetera::choose_base_strategy()
        .map_err(|e| Failure::new(Code::File).with("action", "find the home directory").with("cause", e))?;
    Ok(strategy.state_dir().unwrap_or_else(|| strategy.data_dir()).join("keyless"))
}

/// Makes a folder that only its owner can enter.
///
/// # Errors
/// It cannot be made.
pub fn private_dir(path: &Path) -> Result<()> {
    fs::create_dir_all(path).map_err(|e| failed(path, "make the folder", &e))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(0o700))
            .map_err(|e| failed(path, "protect the folder", &e))?;
    }
    Ok(())
}

/// Reads a text file; none when it is not there.
///
/// # Errors
/// It is there and cannot be read as UTF-8.
pub fn read(path: &Path) -> Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(path, "read", &error)),
    }
}

/// The bytes of a file, `most` of them at most.
///
/// # Errors
/// It is not there, is longer, or cannot be read.
pub fn read_bytes(path: &Path, most: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(most + 1).read_to_end(&mut bytes));
    let length = read.map_err(|error| failed(path, "read", &error))?;
    match u64::try_from(length).is_ok_and(|length| length <= most) {
        true => Ok(bytes),
        false => Err(Failure::new(Code::File)
            .with("file", path.display())
            .with("cause", format!("it is longer than {} MB", most >> 20))),
    }
}

/// Writes a text file whole or not at all, replacing what is there.
///
/// # Errors
/// It cannot be written; what was there stays.
pub fn write(path: &Path, text: &str) -> Result<()> {
    replace(path, |to| to.write_all(text.as_bytes()), 0o644)
}

/// The same for a text that is written piece by piece, so that it never lies in memory as a whole.
///
/// # Errors
/// It cannot be written; what was there stays.
pub fn write_pieces(path: &Path, pieces: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    replace(path, pieces, 0o644)
}

/// The same for a file that only its owner may read (mode 0600).
///
/// # Errors
/// It cannot be written; what was there stays.
pub fn write_private(path: &Path, text: &str) -> Result<()> {
    replace(path, |to| to.write_all(text.as_bytes()), 0o600)
}

#[cfg_attr(not(unix), expect(unused_variables, reason = "only Unix has modes"))]
fn replace(path: &Path, pieces: impl FnOnce(&mut dyn Write) -> io::Result<()>, mode: u32) -> Result<()> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let write = || -> io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            file.as_file().set_permissions(fs::Permissions::from_mode(mode))?;
        }
        let mut buffered = BufWriter::new(file.as_file_mut());
        pieces(&mut buffered)?;
        buffered.flush()?;
        drop(buffered);
        file.as_file().sync_all()?;
        file.persist(path).map_err(|e| e.error)?;
        Ok(())
    };
    write().map_err(|e| failed(path, "write", &e))
}

/// Makes a new private file (mode 0600). What is there already is never overwritten.
///
/// # Errors
/// It is there already, or cannot be made.
pub fn create_private(path: &Path) -> Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    private(&mut options);
    options.open(path).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => Failure::new(Code::FileExists).with("file", path.display()),
        _ => failed(path, "make", &error),
    })
}

/// Writes new text files into a folder, all or none. A file that is there already and holds exactly the same is left; one
/// that holds anything else is never overwritten.
///
/// # Errors
/// `FileExists`: one is there already and differs; or the folder or a file cannot be made. At most an empty folder is left
/// behind.
pub fn write_new(folder: &Path, files: &[(String, String)]) -> Result<()> {
    let mut open = Vec::new();
    for (name, text) in files {
        let path = folder.join(name);
        match fs::read(&path) {
            Ok(there) if there == text.as_bytes() => {}
            Ok(_) => return Err(Failure::new(Code::FileExists).with("file", path.display())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => open.push((path, text)),
            Err(error) => return Err(failed(&path, "read", &error)),
        }
    }
    fs::create_dir_all(folder).map_err(|error| failed(folder, "make the folder", &error))?;
    let mut made: Vec<&Path> = Vec::new();
    for (path, text) in &open {
        if let Err(error) = place_new(folder, path, text) {
            made.iter().for_each(|path| drop(fs::remove_file(path)));
            return Err(match error.kind() {
                io::ErrorKind::AlreadyExists => Failure::new(Code::FileExists).with("file", path.display()),
                _ => failed(path, "write", &error),
            });
        }
        made.push(path);
    }
    Ok(())
}

fn place_new(folder: &Path, path: &Path, text: &str) -> io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        file.as_file().set_permissions(fs::Permissions::from_mode(0o644))?;
    }
    file.persist_noclobber(path).map_err(|error| error.error)?;
    Ok(())
}

/// Opens (or makes) a private file to append to.
///
/// # Errors
/// It cannot be opened.
pub fn append_private(path: &Path) -> Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    private(&mut options);
    options.open(path).map_err(|e| failed(path, "open", &e))
}

#[cfg(unix)]
fn private(options: &mut OpenOptions) {
    use std::os::unix::fs::OpenOptionsExt;
    options.mode(0o600);
}

#[cfg(not(unix))]
fn private(_options: &mut OpenOptions) {}

/// Cuts a file of lines after its last line end.
///
/// # Errors
/// It cannot be read or cut.
pub fn drop_unfinished_line(path: &Path) -> Result<()> {
    let cut = || -> io::Result<()> {
        let bytes = fs::read(path)?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        if whole == bytes.len() {
            return Ok(());
        }
        let file = OpenOptions::new().write(true).open(path)?;
        file.set_len(whole as u64)?;
        file.sync_data()
    };
    cut().map_err(|e| failed(path, "drop the unfinished last line", &e))
}

/// A lock that lasts as long as this value, also when the process is killed.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Takes the lock at `path`, or says that somebody else has it.
///
/// # Errors
/// Another process holds it (`JournalLocked`), or the file cannot be opened.
pub fn lock(path: &Path) -> Result<Lock> {
    let file = append_private(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Lock { _file: file }),
        Err(fs::TryLockError::WouldBlock) => {
            Err(Failure::new(Code::JournalLocked).with("file", path.display()))
        }
        Err(fs::TryLockError::Error(error)) => Err(failed(path, "lock", &error)),
    }
}

/// Searches `name` in `start` and every folder above it.
pub fn find_upwards(start: &Path, name: &str) -> Option<PathBuf> {
    start.ancestors().map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// The top of the git repository that `start` lies in; none around it: `start` itself.
pub fn repository_root(start: &Path) -> PathBuf {
    let is_root = |folder: &&Path| folder.join(".git").exists();
    start.ancestors().find(is_root).unwrap_or(start).to_owned()
}

/// Removes a folder and what is in it; one that is not there is removed.
///
/// # Errors
/// It cannot be removed.
pub fn remove_dir(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(failed(path, "remove the folder", &error))
        }
        _ => Ok(()),
    }
}

/// Removes a file; one that is not there is removed.
///
/// # Errors
/// It cannot be removed.
pub fn remove_file(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(path, "remove", &error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, text: &str) -> (String, String) {
        (name.to_owned(), text.to_owned())
    }

    #[test]
    fn a_file_that_breaks_off_leaves_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("seen.json");
        write_pieces(&path, |to| to.write_all(b"one").and_then(|()| to.write_all(b" two"))).unwrap();
        let broken = write_pieces(&path, |to| {
            to.write_all(b"three")?;
            Err(io::Error::other("no more"))
        });
        assert_eq!(broken.unwrap_err().code, Code::File);
        assert_eq!(fs::read_to_string(&path).unwrap(), "one two");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn new_files_come_all_or_none_and_never_over_others() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("half");
        let first = [file("plan.json", "{}"), file("main.tf", "# a")];
        write_new(&place, &first).unwrap();
        write_new(&place, &first).unwrap();
        let failure = write_new(&place, &[file("new.txt", "x"), file("main.tf", "# b")]).unwrap_err();
        assert_eq!(failure.code, Code::FileExists);
        assert!(!place.join("new.txt").exists());
        assert_eq!(fs::read_to_string(place.join("main.tf")).unwrap(), "# a");
        // The second cannot be made: the first goes again.
        let failure = write_new(&place, &[file("new.txt", "x"), file("no/such/folder", "y")]).unwrap_err();
        assert_eq!(failure.code, Code::File);
        assert_eq!(fs::read_dir(&place).unwrap().count(), 2);
    }
}
