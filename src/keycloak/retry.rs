//! When a request is tried again, and how long to wait before.

use std::time::{Duration, Instant};

use super::error::HttpError;

/// No pause is longer, so that a server that comes back is noticed.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// A server that stumbles may have a hiccup (a database lock, a node going down), but mostly it is a bug that every try
/// meets again.
const STUMBLES: u32 = 2;

/// Whoever mistyped a port should not wait for half a minute: three pauses, two seconds at most.
const TRIES_AT_FIRST_CONTACT: u32 = 4;

/// How stubborn to be.
#[derive(Clone, Copy, Debug)]
pub struct RetryPolicy {
    /// The most tries of one request, the first included.
    pub tries: u32,
    /// The pause after the first try; it doubles with each further one.
    pub base: Duration,
    /// No try begins later than this after the first one began.
    pub budget: Duration,
}

impl Default for RetryPolicy {
    /// About half a minute in which a node may restart or a balancer may notice it.
    fn default() -> Self {
        Self { tries: 7, base: Duration::from_millis(250), budget: Duration::from_secs(60) }
    }
}

/// The tries of one request so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tries {
    started: Instant,
    count: u32,
    stumbles: u32,
}

impl Tries {
    pub(super) fn new() -> Self {
        Self { started: Instant::now(), count: 0, stumbles: 0 }
    }

    /// How many there were.
    pub(super) fn count(&self) -> u32 {
        self.count
    }

    /// Counts a try that ended in this error, and answers how long to wait before the next one, if there is to be one.
    pub(super) fn failed(&mut self, policy: RetryPolicy, error: &HttpError) -> Option<Duration> {
        self.count += 1;
        if error.is_stumble() {
            // Tries that ended otherwise say nothing of it.
            self.stumbles += 1;
            if self.stumbles >= STUMBLES {
                return None;
            }
        }
        policy.pause(self.count, self.started.elapsed(), error)
    }
}

/// A value, and whether an earlier try than the one that gave it may have been executed.
pub(super) struct Tried<T> {
    pub(super) value: T,
    pub(super) repeated: bool,
}

/// Tries until it works, until trying again makes no sense, or until the policy ends.
///
/// Every request of the admin API may be repeated: GET, PUT and DELETE are idempotent, and every object a POST creates has
/// a natural key or an id of our choice, so a second execution is refused with 409 (of a workflow with 400) instead of making
/// a second object. `repeated` lets the caller tell that answer from a stranger's.
pub(super) async fn retry<T, F, Fut>(policy: RetryPolicy, mut once: F) -> Result<Tried<T>, HttpError>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, HttpError>>,
{
    let mut tries = Tries::new();
    let mut repeated = false;
    loop {
        let error = match once().await {
            Ok(value) => return Ok(Tried { value, repeated }),
            Err(error) => error,
        };
        let Some(pause) = tries.failed(policy, &error) else {
            return Err(error.after(tries.count(), repeated));
        };
        repeated |= error.may_have_run();
        tracing::debug!(%error, tries = tries.count(), pause_ms = pause.as_millis(), "trying again");
        tokio::time::sleep(pause).await;
    }
}

impl RetryPolicy {
    /// The pause before the next try, if there is to be one.
    fn pause(&self, tries: u32, elapsed: Duration, error: &HttpError) -> Option<Duration> {
        let most = if error.is_first_contact() { TRIES_AT_FIRST_CONTACT.min(self.tries) } else { self.tries };
        if !error.is_transient() || tries >= most {
            return None;
        }
        let pause = self.backoff(tries) + error.retry_after().unwrap_or_default();
        (elapsed + pause <= self.budget).then_some(pause)
    }

    /// Half fixed, half random, so that the requests of one broken connection don't all come back at once.
    fn backoff(&self, tries: u32) -> Duration {
        let full = self.base.saturating_mul(2_u32.saturating_pow(tries.saturating_sub(1)));
        full.min(LONGEST_PAUSE).mul_f64(rand::random_range(0.5..=1.0))
    }
}

/// `Retry-After` in either of its forms, seconds or a date.
pub(super) fn retry_after(header: &str) -> Option<Duration> {
    if let Ok(seconds) = header.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(header.trim()).ok()?;
    let wait = date.timestamp().duration_since(jiff::Timestamp::now());
    Some(Duration::try_from(wait).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keycloak::error::{Problem, Request};

    fn answer(status: u16, retry_after: Option<u64>) -> HttpError {
        HttpError::Refused {
            request: Request::new(reqwest::Method::POST, "/acme/clients"),
            status: reqwest::StatusCode::from_u16(status).unwrap(),
            message: String::new(),
            retry_after: retry_after.map(Duration::from_secs),
            tries: 1,
            repeated: false,
        }
    }

    #[test]
    fn repeats_what_may_pass_and_nothing_else() {
        let policy = RetryPolicy::default();
        let again = |tries, error: &HttpError| policy.pause(tries, Duration::ZERO, error).is_some();
        for status in [429, 500, 502, 503, 504] {
            assert!(again(1, &answer(status, None)), "{status}");
        }
        for status in [400, 401, 403, 404, 409, 501] {
            assert!(!again(1, &answer(status, None)), "{status}");
        }
        assert!(again(6, &answer(503, None)) && !again(7, &answer(503, None)));
        let unreachable = || HttpError::Unreachable {
            host: "h".into(),
            problem: Problem::new("nothing listens there", "check the port"),
            unknown_host: false,
            known_server: false,
            tries: 1,
            repeated: false,
        };
        assert!(again(3, &unreachable()) && !again(4, &unreachable()));
        assert!(again(6, &unreachable().of_known_server()));
        let expired = HttpError::Tls { host: "h".into(), problem: Problem::new("expired", "renew it") };
        assert!(!again(1, &expired));
    }

    #[test]
    fn an_answer_that_could_not_be_written_is_no_bad_request() {
        let answer = |method, message: &str| HttpError::Refused {
            request: Request::new(method, "/acme/clients"),
            status: reqwest::StatusCode::BAD_REQUEST,
            message: message.into(),
            retry_after: None,
            tries: 1,
            repeated: false,
        };
        assert!(answer(reqwest::Method::GET, "Cannot parse the JSON").is_transient());
        assert!(!answer(reqwest::Method::GET, "no such thing").is_transient());
        assert!(!answer(reqwest::Method::POST, "Cannot parse the JSON").is_transient());
    }

    #[test]
    fn a_deletion_makes_no_duplicate() {
        let answer = |method, message: &str| HttpError::Refused {
            request: Request::new(method, "/acme/identity-provider/instances/entra"),
            status: reqwest::StatusCode::CONFLICT,
            message: message.into(),
            retry_after: None,
            tries: 1,
            repeated: false,
        };
        assert!(answer(reqwest::Method::DELETE, "Duplicate resource error").is_transient());
        assert!(!answer(reqwest::Method::DELETE, "in use").is_transient());
        assert!(!answer(reqwest::Method::POST, "Duplicate resource error").is_transient());
    }

    /// A connection that was lost before does not make the server's first 500 its second.
    #[test]
    fn repeats_a_500_once() {
        let mut tries = Tries::new();
        let mut again = |status| tries.failed(RetryPolicy::default(), &answer(status, None)).is_some();
        assert!(again(503) && again(503) && again(500) && again(503));
        assert!(!again(500));
    }

    #[test]
    fn waits_as_asked_but_never_beyond_the_budget() {
        let policy = RetryPolicy::default();
        let pause = policy.pause(1, Duration::ZERO, &answer(429, Some(3))).unwrap();
        assert!((Duration::from_secs(3)..Duration::from_secs(4)).contains(&pause), "{pause:?}");
        assert_eq!(policy.pause(1, Duration::ZERO, &answer(429, Some(61))), None);
        assert_eq!(policy.pause(1, Duration::from_secs(60), &answer(503, None)), None);
    }

    #[test]
    fn pauses_grow_and_stay_bounded() {
        let policy = RetryPolicy::default();
        for tries in 1..40 {
            let full = policy.base.mul_f64(2_f64.powi(tries - 1)).min(LONGEST_PAUSE);
            let pause = policy.backoff(tries.try_into().unwrap());
            assert!(pause <= full && pause >= full / 2, "{tries}: {pause:?}");
        }
    }

    #[test]
    fn reads_both_forms_of_retry_after() {
        assert_eq!(retry_after("7"), Some(Duration::from_secs(7)));
        assert_eq!(retry_after("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO));
        assert_eq!(retry_after("soon"), None);
        let later = jiff::Timestamp::now() + Duration::from_secs(100);
        let date = later.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        assert!(retry_after(&date).unwrap() > Duration::from_secs(90));
    }
}
