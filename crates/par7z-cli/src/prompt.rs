//! Questions to the user.

use crate::exit::Failure;
use std::io::{self, BufRead, IsTerminal, Write};
use zeroize::Zeroizing;

/// Asks for a password, twice when an archive is made. On a terminal nothing is echoed; otherwise it is a line of stdin.
pub(crate) fn password(create: bool) -> Result<Zeroizing<String>, Failure> {
    const QUESTION: &str = "Enter password (will not be echoed): ";
    if !io::stdin().is_terminal() {
        return line_of_stdin();
    }
    let ask = |question: &str| {
        rpassword::prompt_password(question)
            .map(Zeroizing::new)
            .map_err(|error| Failure::fatal(format!("cannot ask for the password: {error}; use --password-file")))
    };
    let password = ask(QUESTION)?;
    if create && *ask("Verify password (will not be echoed): ")? != *password {
        return Err(Failure::fatal("the two passwords differ: nothing was written"));
    }
    Ok(password)
}

fn line_of_stdin() -> Result<Zeroizing<String>, Failure> {
    let mut line = Zeroizing::new(String::with_capacity(1024));
    match io::stdin().lock().read_line(&mut line) {
        Ok(0) | Err(_) => Err(Failure::cancelled(
            "a password is needed and stdin has none: use --password-file, --password-env or -pPASSWORD",
        )),
        Ok(_) => Ok(Zeroizing::new(line.trim_end_matches(['\r', '\n']).to_owned())),
    }
}

/// An answer to 7-Zip's overwrite question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Yes,
    No,
    Always,
    SkipAll,
    RenameAll,
    Quit,
    /// Stdin ended.
    Nothing,
}

/// Asks until one of the letters comes.
pub(crate) fn overwrite(out: &mut dyn Write, input: &mut dyn BufRead) -> Answer {
    loop {
        let _ = write!(out, "? (Y)es / (N)o / (A)lways / (S)kip all / A(u)to rename all / (Q)uit? ");
        let _ = out.flush();
        let mut line = String::new();
        if !matches!(input.read_line(&mut line), Ok(read) if read > 0) {
            let _ = writeln!(out);
            return Answer::Nothing;
        }
        match line.trim().chars().next().map(|letter| letter.to_ascii_lowercase()) {
            Some('y') => return Answer::Yes,
            Some('n') => return Answer::No,
            Some('a') => return Answer::Always,
            Some('s') => return Answer::SkipAll,
            Some('u') => return Answer::RenameAll,
            Some('q') => return Answer::Quit,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers() {
        let ask = |text: &str| overwrite(&mut Vec::new(), &mut text.as_bytes());
        assert_eq!(ask("y\n"), Answer::Yes);
        assert_eq!(ask("what\n\nN\n"), Answer::No);
        assert_eq!(ask("Always"), Answer::Always);
        assert_eq!(ask("s\n"), Answer::SkipAll);
        assert_eq!(ask("u\n"), Answer::RenameAll);
        assert_eq!(ask("q\n"), Answer::Quit);
        assert_eq!(ask("what"), Answer::Nothing);
    }
}
