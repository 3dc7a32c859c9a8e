//! A person at a browser: a real one without a window, which runs the pages' scripts and goes wherever they send it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::debian::chromium;

/// How long a page may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A browser with one page and no cookies yet.
///
/// It is spoken to over pipes, in the protocol of its developer tools, and ends with the pipes: with this value, or with this
/// process, however that ends.
pub(crate) struct Chromium {
    process: Child,
    asks: Option<ChildStdin>,
    answers: Receiver<Value>,
    asked: u64,
    session: Option<String>,
    /// What pages and their scripts were told off for.
    complaints: Vec<Value>,
    _profile: TempDir,
}

impl Chromium {
    /// Where it can be had, which `chromium` says.
    pub(crate) fn start() -> Self {
        let package = chromium().unwrap();
        let profile = tempfile::tempdir().unwrap();
        let mut command = Command::new("/bin/sh");
        // The protocol has the descriptors 3 and 4.
        command.args(["-c", r#"exec "$0" "$@" 3<&0 4>&1 </dev/null >/dev/null 2>&1"#]).arg(package.program());
        // Nothing but loopback has an address, so that whoever is sent elsewhere stays at an address that does not answer.
        command.args([
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--remote-debugging-pipe",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        ]);
        command.arg(format!("--user-data-dir={}", profile.path().display()));
        command.env_clear().env("HOME", profile.path()).env("LD_LIBRARY_PATH", package.libraries());
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (tell, answers) = mpsc::channel();
        let told = BufReader::new(process.stdout.take().unwrap());
        std::thread::spawn(move || {
            let messages = told.split(0).map_while(Result::ok);
            messages.map_while(|message| tell.send(serde_json::from_slice(&message).unwrap()).ok()).for_each(drop);
        });
        let asks = process.stdin.take();
        let mut browser =
            Self { process, asks, answers, asked: 0, session: None, complaints: Vec::new(), _profile: profile };
        let page = browser.ask("Target.createTarget", json!({ "url": "about:blank" }));
        let attached = browser.ask("Target.attachToTarget", json!({ "targetId": page["targetId"], "flatten": true }));
        browser.session = Some(attached["sessionId"].as_str().unwrap().to_owned());
        for domain in ["Log.enable", "Runtime.enable", "Page.enable"] {
            browser.ask(domain, json!({}));
        }
        browser
    }

    /// Goes to an address, which need not answer.
    #[track_caller]
    pub(crate) fn open(&mut self, url: &str) {
        self.ask("Page.navigate", json!({ "url": url }));
    }

    /// Writes into a field once it is there.
    #[track_caller]
    pub(crate) fn fill(&mut self, field: &str, text: &str) {
        self.wait(&format!("!!document.querySelector({field:?})"));
        self.script(&format!("document.querySelector({field:?}).focus()")).unwrap();
        self.ask("Input.insertText", json!({ "text": text }));
    }

    /// Clicks on what leads to another page once it is there, and waits for that page.
    #[track_caller]
    pub(crate) fn click(&mut self, element: &str) {
        self.wait(&format!("!!document.querySelector({element:?})"));
        self.script(&format!("window.isLeft = true; document.querySelector({element:?}).click()")).unwrap();
        self.wait("!window.isLeft && document.readyState == 'complete'");
    }

    /// Presses keys, `/` or `Tab` for instance, wherever the focus is.
    #[track_caller]
    pub(crate) fn press(&mut self, keys: &[&str]) {
        for key in keys {
            let text = if key.chars().count() == 1 { *key } else { "" };
            let code = match *key {
                "Tab" => 9,
                "Enter" => 13,
                " " => 32,
                _ => 0,
            };
            let event = |kind: &str| json!({ "type": kind, "key": key, "text": text, "windowsVirtualKeyCode": code });
            self.ask("Input.dispatchKeyEvent", event("keyDown"));
            self.ask("Input.dispatchKeyEvent", json!({ "type": "keyUp", "key": key, "windowsVirtualKeyCode": code }));
        }
    }

    /// Has the page look as for people who prefer `light` or `dark`, in a window of that size.
    #[track_caller]
    pub(crate) fn look(&mut self, scheme: &str, [width, height]: [u32; 2]) {
        let feature = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.ask("Emulation.setEmulatedMedia", json!({ "features": feature }));
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.ask("Emulation.setDeviceMetricsOverride", size);
    }

    /// A picture of the window, as PNG.
    #[track_caller]
    pub(crate) fn picture(&mut self) -> Vec<u8> {
        let picture = self.ask("Page.captureScreenshot", json!({ "format": "png" }));
        STANDARD.decode(picture["data"].as_str().unwrap()).unwrap()
    }

    /// What a script makes of the page once there is something.
    #[track_caller]
    pub(crate) fn told(&mut self, script: &str) -> Value {
        self.wait(&format!("({script}) !== undefined"));
        self.script(script).unwrap()
    }

    /// What pages and their scripts were told off for so far.
    #[track_caller]
    pub(crate) fn complaints(&mut self) -> &[Value] {
        // Whatever came before this answer has been heard.
        self.script("0");
        &self.complaints
    }

    /// What a field holds once it is there.
    #[track_caller]
    pub(crate) fn value(&mut self, field: &str) -> String {
        self.wait(&format!("!!document.querySelector({field:?})"));
        let value = self.script(&format!("document.querySelector({field:?}).value")).unwrap();
        value.as_str().unwrap().to_owned()
    }

    /// The address once it begins so, also of a page that does not answer. Pages in between may send the browser on by themselves.
    #[track_caller]
    pub(crate) fn arrived(&mut self, start: &str) -> String {
        let started = Instant::now();
        loop {
            if let Some(url) = self.url().filter(|url| url.starts_with(start)) {
                return url;
            }
            self.have_patience(started, start);
        }
    }

    /// `None` while one page takes the place of another.
    fn url(&mut self) -> Option<String> {
        let answer = self.answer("Page.getNavigationHistory", json!({}));
        let history = answer.get("result")?;
        let current = usize::try_from(history["currentIndex"].as_u64()?).ok()?;
        Some(history["entries"][current]["url"].as_str()?.to_owned())
    }

    /// Waits until a script says so.
    #[track_caller]
    pub(crate) fn wait(&mut self, script: &str) {
        let started = Instant::now();
        while self.script(script) != Some(Value::Bool(true)) {
            self.have_patience(started, script);
        }
    }

    #[track_caller]
    fn have_patience(&mut self, started: Instant, awaited: &str) {
        if started.elapsed() > PATIENCE {
            let text = self.script("document.body.innerText").unwrap_or_default();
            panic!("never came to {awaited}\n{:?}\n{}", self.url(), text.as_str().unwrap_or_default());
        }
        std::thread::sleep(Duration::from_millis(20));
    }

    /// `None` while one page takes the place of another.
    #[track_caller]
    fn script(&mut self, script: &str) -> Option<Value> {
        let answer = self.answer("Runtime.evaluate", json!({ "expression": script, "returnByValue": true }));
        let result = answer.get("result").filter(|result| result.get("exceptionDetails").is_none())?;
        Some(result["result"]["value"].clone())
    }

    #[track_caller]
    fn ask(&mut self, method: &str, parameters: Value) -> Value {
        let answer = self.answer(method, parameters);
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].clone()
    }

    #[track_caller]
    fn answer(&mut self, method: &str, parameters: Value) -> Value {
        self.asked += 1;
        let mut message = json!({ "id": self.asked, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            message["sessionId"] = session.as_str().into();
        }
        let asks = self.asks.as_mut().unwrap();
        asks.write_all(format!("{message}\0").as_bytes()).unwrap();
        loop {
            let answer = self.answers.recv_timeout(PATIENCE).unwrap_or_else(|error| panic!("{method}: {error}"));
            let method = answer["method"].as_str().unwrap_or_default();
            if ["Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled"].contains(&method) {
                self.complaints.push(answer["params"].clone());
            }
            if answer["id"] == self.asked {
                return answer;
            }
        }
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        drop(self.asks.take());
        self.process.wait().ok();
    }
}
