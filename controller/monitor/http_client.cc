#include "controller/monitor/http_client.h"

#include <absl/status/status.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/rfc2818_verification.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <cctype>
#include <vector>

#include "common/base/ip_address.h"
#include "common/base/status_context.h"
#include "common/base/status_macros.h"
#include "common/sys/resolve.h"

namespace tcpfleet::controller {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using beast::error_code;

constexpr size_t kMostResponseBytes = size_t{64} << 10;

absl::Status StatusOf(const error_code& error) {
  if (!error) return absl::OkStatus();
  if (error == beast::error::timeout) return absl::DeadlineExceededError("no end in time");
  const bool is_http =
      error.category() == http::make_error_code(http::error::bad_version).category();
  if (is_http && error != http::error::end_of_stream && error != http::error::partial_message) {
    return absl::DataLossError(error.message());
  }
  return absl::UnavailableError(error.message());
}

http::request<http::string_body> RequestOf(const HttpPost& post) {
  http::request<http::string_body> request(http::verb::post, post.url.path + post.path, 11);
  const bool is_default_port = post.url.port == (post.url.is_tls ? 443 : 80);
  const base::HostPort host{post.url.host, post.url.port};
  const std::string address = host.ToString();
  request.set(http::field::host, is_default_port ? address.substr(0, address.rfind(':')) : address);
  request.set(http::field::user_agent, "tcpfleet");
  request.set(http::field::content_type, post.content_type);
  request.set(http::field::connection, "close");
  for (const auto& [name, value] : post.headers) request.set(name, value);
  request.body() = post.body;
  request.prepare_payload();
  return request;
}

// Asynchronous operations alone know deadlines: each is begun, and run to its end.
class Exchange {
 public:
  explicit Exchange(const HttpPost& post) : post_(post) {}

  absl::StatusOr<HttpResponse> Run() {
    const absl::Time deadline = absl::Now() + post_.timeout;
    TF_ASSIGN_OR_RETURN(const std::vector<base::IpAddress> addresses,
                        sys::ResolveHost(post_.url.host));
    std::vector<asio::ip::tcp::endpoint> endpoints;
    for (const base::IpAddress& address : addresses) {
      endpoints.emplace_back(asio::ip::make_address(address.ToString()), post_.url.port);
    }
    const absl::Duration left = deadline - absl::Now();
    if (left <= absl::ZeroDuration()) return absl::DeadlineExceededError("no address in time");
    const std::chrono::nanoseconds timeout = absl::ToChronoNanoseconds(left);
    if (!post_.url.is_tls) {
      beast::tcp_stream stream(io_);
      stream.expires_after(timeout);
      TF_RETURN_IF_ERROR(Connect(stream, endpoints));
      return Talk(stream);
    }
    asio::ssl::context context(asio::ssl::context::tls_client);
    TF_RETURN_IF_ERROR(Prepare(context));
    beast::ssl_stream<beast::tcp_stream> stream(io_, context);
    beast::get_lowest_layer(stream).expires_after(timeout);
    TF_RETURN_IF_ERROR(Connect(beast::get_lowest_layer(stream), endpoints));
    TF_RETURN_IF_ERROR(ShakeHands(stream));
    return Talk(stream);
  }

 private:
  template <class Begin>
  absl::Status Await(absl::string_view doing, const Begin& begin) {
    error_code result;
    begin([&result](const error_code& error, auto&&...) { result = error; });
    io_.restart();
    io_.run();
    return base::WithContext(std::string(doing), StatusOf(result));
  }

  absl::Status Connect(beast::tcp_stream& stream,
                       const std::vector<asio::ip::tcp::endpoint>& endpoints) {
    return Await("connect", [&](auto done) { stream.async_connect(endpoints, done); });
  }

  absl::Status Prepare(asio::ssl::context& context) const {
    error_code error;
    context.set_options(asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1, error);
    if (error) return absl::InternalError(error.message());
    if (post_.ca_file.empty()) {
      context.set_default_verify_paths(error);
    } else {
      context.load_verify_file(post_.ca_file, error);
    }
    if (error) {
      return absl::FailedPreconditionError(
          absl::StrCat("certificates in ", post_.ca_file, ": ", error.message()));
    }
    return absl::OkStatus();
  }

  absl::Status ShakeHands(beast::ssl_stream<beast::tcp_stream>& stream) {
    error_code error;
    stream.set_verify_mode(asio::ssl::verify_peer, error);
    if (!error) {
      stream.set_verify_callback(asio::ssl::rfc2818_verification(post_.url.host), error);
    }
    if (error) return absl::InternalError(error.message());
    // Server Name Indication is of names alone (RFC 6066).
    if (!base::IpAddress::Parse(post_.url.host).ok()) {
      SSL_set_tlsext_host_name(stream.native_handle(), post_.url.host.c_str());
    }
    return Await("TLS",
                 [&](auto done) { stream.async_handshake(asio::ssl::stream_base::client, done); });
  }

  template <class Stream>
  absl::StatusOr<HttpResponse> Talk(Stream& stream) {
    const http::request<http::string_body> request = RequestOf(post_);
    TF_RETURN_IF_ERROR(Await("send", [&](auto done) { http::async_write(stream, request, done); }));
    beast::flat_buffer buffer(kMostResponseBytes);
    // Not a string: it would grow as far as the server says.
    std::string body(kMostResponseBytes, '\0');
    http::response_parser<http::buffer_body> parser;
    parser.get().body().data = body.data();
    parser.get().body().size = body.size();
    TF_RETURN_IF_ERROR(
        Await("receive", [&](auto done) { http::async_read(stream, buffer, parser, done); }));
    body.resize(body.size() - parser.get().body().size);
    return HttpResponse{parser.get().result_int(), std::move(body)};
  }

  const HttpPost& post_;
  asio::io_context io_;
};

}  // namespace

std::string HttpUrl::ToString() const {
  return absl::StrCat(is_tls ? "https://" : "http://", base::HostPort{host, port}.ToString(), path);
}

absl::StatusOr<HttpUrl> ParseHttpUrl(absl::string_view text) {
  const auto wrong = [&](absl::string_view why) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", text, "' is no URL such as http://alerts.example:9093: ", why));
  };
  HttpUrl url;
  absl::string_view rest = text;
  if (absl::StartsWithIgnoreCase(rest, "https://")) {
    url.is_tls = true;
    rest.remove_prefix(8);
  } else if (absl::StartsWithIgnoreCase(rest, "http://")) {
    rest.remove_prefix(7);
  } else {
    return wrong("it begins with http:// or https://");
  }
  const bool is_plain = std::all_of(rest.begin(), rest.end(), [](unsigned char c) {
    return std::isgraph(c) != 0 &&
           absl::string_view("@?#\"<>\\").find(static_cast<char>(c)) == absl::string_view::npos;
  });
  if (!is_plain) return wrong("user, query, fragment and blanks have no place in it");
  const size_t slash = std::min(rest.find('/'), rest.size());
  const auto host = base::ParseHostPort(rest.substr(0, slash), url.is_tls ? 443 : 80);
  if (!host.ok()) return wrong(host.status().message());
  url.host = host->host;
  url.port = host->port;
  rest.remove_prefix(slash);
  while (absl::EndsWith(rest, "/")) rest.remove_suffix(1);
  url.path = std::string(rest);
  return url;
}

absl::StatusOr<HttpResponse> PostHttp(const HttpPost& post) {
  absl::StatusOr<HttpResponse> response = absl::InternalError("");
  try {
    response = Exchange(post).Run();
  } catch (const boost::system::system_error& error) {
    response = absl::UnavailableError(error.what());
  }
  if (response.ok()) return response;
  const absl::Status& status = response.status();
  // A name that does not resolve now may do so later.
  return absl::Status(absl::IsNotFound(status) ? absl::StatusCode::kUnavailable : status.code(),
                      absl::StrCat(post.url.ToString(), ": ", status.message()));
}

}  // namespace tcpfleet::controller
