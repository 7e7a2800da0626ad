//! One call through the proxy.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http_body_util::BodyExt as _;
use hyper::body::{Body, Bytes, Frame, Incoming};
use hyper::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use hyper::{HeaderMap, Request, Response};

use super::State;
use super::rule::{Call, Fault};

type Error = Box<dyn std::error::Error + Send + Sync>;

/// Records the call and answers it. If it fails, hyper closes the connection.
pub(super) async fn exchange(
    state: Arc<State>,
    request: Request<Incoming>,
) -> Result<Response<Reply>, Error> {
    let (head, body) = request.into_parts();
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let body = body.collect().await?.to_bytes();
    let call = Call::new(&head.method, path, head.headers, body);
    let (call, action) = record(&state, call);
    let (fault, hook) = action.unwrap_or((Fault::Nothing, None));
    let run_hook = async || match hook.clone() {
        None => Ok(()),
        Some(hook) => {
            let call = call.clone();
            tokio::task::spawn_blocking(move || hook(&call)).await
        }
    };
    match fault {
        Fault::Nothing => {
            run_hook().await?;
            forward(&state, &call).await
        }
        Fault::Delay(time) => {
            run_hook().await?;
            tokio::time::sleep(time).await;
            forward(&state, &call).await
        }
        Fault::Drop => {
            run_hook().await?;
            Err("dropped before it was forwarded".into())
        }
        Fault::Answer { status, content_type, body } => {
            run_hook().await?;
            let answer = Response::builder().status(status).header(CONTENT_TYPE, content_type);
            Ok(answer.body(Reply::whole(body.into()))?)
        }
        Fault::LoseResponse => {
            forward(&state, &call).await?;
            run_hook().await?;
            Err("the response was lost".into())
        }
        Fault::DelayResponse(time) => {
            let response = forward(&state, &call).await?;
            run_hook().await?;
            tokio::time::sleep(time).await;
            Ok(response)
        }
        Fault::CutResponse => {
            let response = forward(&state, &call).await?;
            run_hook().await?;
            cut(response)
        }
    }
}

type Action = (Fault, Option<Arc<dyn Fn(&Call) + Send + Sync>>);

fn record(state: &State, mut call: Call) -> (Call, Option<Action>) {
    let mut journal = state.journal();
    call.number = journal.calls.len() + 1;
    journal.calls.push(call.clone());
    // Every rule counts every call. The first rule that applies acts.
    let actions: Vec<Action> = journal.rules.iter_mut().filter_map(|rule| rule.apply(&call)).collect();
    (call, actions.into_iter().next())
}

async fn forward(state: &State, call: &Call) -> Result<Response<Reply>, Error> {
    let method = call.method.parse::<hyper::Method>()?;
    // The Host header is forwarded, because it may be signed.
    let request = state.client.request(method, format!("{}{}", state.upstream, call.path));
    let answer = request.headers(end_to_end(&call.headers)).body(call.body.clone()).send().await?;
    let (status, headers) = (answer.status(), end_to_end(answer.headers()));
    let body = replaced(answer.bytes().await?, &state.replacements());
    let mut response = Response::new(Reply::whole(body));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}

fn replaced(body: Bytes, replacements: &[(String, String)]) -> Bytes {
    let Ok(text) = std::str::from_utf8(&body) else { return body };
    if !replacements.iter().any(|(from, _)| text.contains(from)) {
        return body;
    }
    replacements.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to)).into()
}

/// Removes the headers of one connection. The body sets its own length.
fn end_to_end(headers: &HeaderMap) -> HeaderMap {
    let mut headers = headers.clone();
    for name in [CONNECTION, TRANSFER_ENCODING, CONTENT_LENGTH] {
        headers.remove(name);
    }
    headers
}

fn cut(mut response: Response<Reply>) -> Result<Response<Reply>, Error> {
    let body = response.body_mut();
    let length = body.data.len();
    if length == 0 {
        return Err("a response without a body was lost".into());
    }
    body.data.truncate(length / 2);
    body.cut = true;
    response.headers_mut().insert(CONTENT_LENGTH, length.into());
    Ok(response)
}

/// A body that ends normally. If it is cut, it ends with an error after its data.
pub(super) struct Reply {
    data: Bytes,
    cut: bool,
    flushed: bool,
}

impl Reply {
    fn whole(data: Bytes) -> Self {
        Self { data, cut: false, flushed: false }
    }
}

impl Body for Reply {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let data = std::mem::take(&mut self.data);
        if !data.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        if !self.cut {
            return Poll::Ready(None);
        }
        if !self.flushed {
            // hyper writes its buffered data while a body is pending.
            self.flushed = true;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(Err(io::Error::other("the response was cut"))))
    }

    fn is_end_stream(&self) -> bool {
        self.data.is_empty() && !self.cut
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        if self.cut {
            hyper::body::SizeHint::default()
        } else {
            hyper::body::SizeHint::with_exact(self.data.len() as u64)
        }
    }
}
