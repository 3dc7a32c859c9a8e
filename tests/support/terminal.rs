//! A person at a terminal.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use super::project::Output;

/// Runs a command at a terminal. Each answer is given when its question has been asked, the first one not before `meanwhile`
/// is over.
pub fn answer(mut command: Command, answers: &[(&str, &str)], meanwhile: impl FnOnce()) -> Output {
    let keyboard = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&keyboard).unwrap();
    unlockpt(&keyboard).unwrap();
    let name = ptsname(&keyboard, Vec::new()).unwrap().into_string().unwrap();
    let terminal = File::options().read(true).write(true).open(name).unwrap();
    let mut keyboard = File::from(keyboard);

    let mut child = command.stdin(terminal).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut told = child.stderr.take().unwrap();
    let (mut stderr, mut asked) = (Vec::new(), 0);
    let mut meanwhile = Some(meanwhile);
    for (question, answer) in answers {
        loop {
            let text = String::from_utf8_lossy(&stderr[asked..]).into_owned();
            if let Some(at) = text.find(question) {
                asked += at + question.len();
                break;
            }
            let mut some = [0; 1000];
            let length = told.read(&mut some).unwrap();
            assert!(length > 0, "{question:?} was not asked: {}", String::from_utf8_lossy(&stderr));
            stderr.extend_from_slice(&some[..length]);
        }
        meanwhile.take().into_iter().for_each(|meanwhile| meanwhile());
        writeln!(keyboard, "{answer}").unwrap();
    }
    told.read_to_end(&mut stderr).unwrap();
    let output = child.wait_with_output().unwrap();
    Output {
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(stderr).unwrap(),
        status: output.status.code().unwrap(),
    }
}
