//! A person's browser: follows nothing by itself, and keeps cookies.

use std::cell::RefCell;
use std::collections::BTreeMap;

use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use reqwest::{Client, RequestBuilder};
use tokio::runtime::Runtime;

/// A browser with cookies of one server.
pub struct Browser {
    runtime: Runtime,
    client: Client,
    cookies: RefCell<BTreeMap<String, String>>,
}

/// What a request was answered.
pub struct Page {
    /// Where the browser is sent next; empty when it stays.
    pub next: String,
    pub text: String,
}

impl Browser {
    pub fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let client = Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .tls_certs_only([])
            .build()
            .unwrap();
        Self { runtime, client, cookies: RefCell::default() }
    }

    pub fn get(&self, url: &str) -> Page {
        self.send(self.client.get(url))
    }

    pub fn post(&self, url: &str, form: &[(&str, &str)]) -> Page {
        self.send(self.client.post(url).form(form))
    }

    fn send(&self, request: RequestBuilder) -> Page {
        let cookies: Vec<String> =
            self.cookies.borrow().iter().map(|(name, value)| format!("{name}={value}")).collect();
        let answer = self.runtime.block_on(request.header(COOKIE, cookies.join("; ")).send()).unwrap();
        for cookie in answer.headers().get_all(SET_COOKIE) {
            let (name, value) = cookie.to_str().unwrap().split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.borrow_mut().insert(name.to_owned(), value.to_owned());
        }
        let next = answer.headers().get(LOCATION).map(|it| it.to_str().unwrap().to_owned()).unwrap_or_default();
        Page { next, text: self.runtime.block_on(answer.text()).unwrap() }
    }
}

impl Page {
    /// Where the page's form is sent.
    #[track_caller]
    pub fn form(&self) -> String {
        let (_, rest) = self.text.split_once("action=\"").unwrap_or_else(|| panic!("no form: {}", self.text));
        rest.split_once('"').unwrap().0.replace("&amp;", "&")
    }
}
