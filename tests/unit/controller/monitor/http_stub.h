// An HTTP server in a thread of the test: one request per connection, answered as it was told.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "common/base/mutex.h"
#include "controller/monitor/http_client.h"

namespace tcpfleet::controller {

class HttpStub {
 public:
  using Request = boost::beast::http::request<boost::beast::http::string_body>;
  struct Answer {
    unsigned status = 200;
    std::string body;
    std::string raw;  // instead, when it is not empty
  };
  using Respond = std::function<Answer(const Request& request)>;

  // With the path of a PEM file, certificate and key, it speaks TLS.
  explicit HttpStub(Respond respond, const std::string& pem = "")
      : respond_(std::move(respond)),
        is_tls_(!pem.empty()),
        acceptor_(io_, {boost::asio::ip::make_address("127.0.0.1"), 0}) {
    if (is_tls_) {
      tls_.use_certificate_chain_file(pem);
      tls_.use_private_key_file(pem, boost::asio::ssl::context::pem);
    }
    thread_ = std::thread([this] { Serve(); });
  }

  ~HttpStub() {
    is_stopping_ = true;
    boost::asio::ip::tcp::socket wake(io_);
    boost::system::error_code ignored;
    wake.connect(acceptor_.local_endpoint(), ignored);
    thread_.join();
  }

  HttpUrl url() const {
    return {.is_tls = is_tls_, .host = "127.0.0.1", .port = port(), .path = ""};
  }
  uint16_t port() const { return acceptor_.local_endpoint().port(); }

  std::vector<Request> requests() const {
    base::MutexLock lock(mutex_);
    return requests_;
  }

 private:
  void Serve() {
    for (;;) {
      boost::system::error_code error;
      boost::asio::ip::tcp::socket socket(io_);
      acceptor_.accept(socket, error);
      if (is_stopping_ || error) return;
      if (!is_tls_) {
        Converse(socket);
        continue;
      }
      boost::asio::ssl::stream<boost::asio::ip::tcp::socket> stream(std::move(socket), tls_);
      stream.handshake(boost::asio::ssl::stream_base::server, error);
      if (!error) Converse(stream);
    }
  }

  template <class Stream>
  void Converse(Stream& stream) {
    namespace http = boost::beast::http;
    boost::system::error_code error;
    boost::beast::flat_buffer buffer;
    Request request;
    http::read(stream, buffer, request, error);
    if (error) return;
    {
      base::MutexLock lock(mutex_);
      requests_.push_back(request);
    }
    const Answer answer = respond_(request);
    if (!answer.raw.empty()) {
      boost::asio::write(stream, boost::asio::buffer(answer.raw), error);
      return;
    }
    http::response<http::string_body> response(http::int_to_status(answer.status), 11);
    response.body() = answer.body;
    response.prepare_payload();
    http::write(stream, response, error);
  }

  const Respond respond_;
  const bool is_tls_;
  boost::asio::io_context io_;
  boost::asio::ssl::context tls_{boost::asio::ssl::context::tls_server};
  boost::asio::ip::tcp::acceptor acceptor_;
  std::atomic<bool> is_stopping_{false};
  mutable base::Mutex mutex_;
  std::vector<Request> requests_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace tcpfleet::controller
