// An assertion of Boost.Beast 1.74 fails when the end of an empty chunked body comes byte by byte,
// which the code after it handles.
#define BOOST_DISABLE_ASSERTS

#include "agent/load/workloads/http_framer.h"

#include <absl/strings/string_view.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tcpfleet::agent {
namespace {

namespace http = boost::beast::http;
using boost::beast::error_code;

// One response, of which only its end and its status are of interest.
class ResponseParser final : public http::basic_parser<false> {
 public:
  explicit ResponseParser(bool without_body) {
    eager(true);
    skip(without_body);
    header_limit(ResponseFramer::kMostHeaderBytes);
    body_limit(std::numeric_limits<uint64_t>::max());  // 1.74 takes none for 0
  }

  uint32_t status() const { return status_; }

 private:
  using View = boost::beast::string_view;

  void on_request_impl(http::verb, View, View, int, error_code&) override {}
  void on_response_impl(int status, View, int, error_code& error) override {
    // 101: what follows is not HTTP.
    if (status < 100 || status == 101) error = http::error::bad_status;
    status_ = static_cast<uint32_t>(status);
  }
  void on_field_impl(http::field, View, View, error_code&) override {}
  void on_header_impl(error_code&) override {}
  void on_body_init_impl(const boost::optional<uint64_t>&, error_code&) override {}
  size_t on_body_impl(View body, error_code&) override { return body.size(); }
  void on_chunk_header_impl(uint64_t, View, error_code&) override {}
  size_t on_chunk_body_impl(uint64_t, View body, error_code&) override { return body.size(); }
  void on_finish_impl(error_code&) override {}

  uint32_t status_ = 0;
};

class HttpFramer final : public ResponseFramer {
 public:
  HttpFramer(bool without_bodies, size_t slots)
      : without_bodies_(without_bodies), connections_(slots) {}

  void Begin(uint32_t slot) override {
    connections_[slot].rest.reset();
    connections_[slot].parser.emplace(without_bodies_);
  }

  FoundResponses Take(uint32_t slot, absl::Span<const std::byte> bytes) override {
    Connection& connection = connections_[slot];
    absl::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    const std::unique_ptr<std::string> joined = std::move(connection.rest);
    if (joined != nullptr) {
      joined->append(text.data(), text.size());
      text = *joined;
    }
    FoundResponses found;
    Parse(connection, text, found);
    if (!text.empty()) connection.rest = std::make_unique<std::string>(text);
    return found;
  }

  FoundResponses End(uint32_t slot) override {
    Connection& connection = connections_[slot];
    FoundResponses found;
    if (connection.parser && connection.parser->got_some()) {
      error_code error;
      connection.parser->put_eof(error);
      if (!error) CountEnd(connection, found);
    }
    Abandon(connection);
    return found;
  }

 private:
  struct Connection {
    std::optional<ResponseParser> parser;  // none: nothing more is read
    std::unique_ptr<std::string> rest;     // received, and to be parsed with what comes next
  };
  static_assert(sizeof(Connection) <= 104);

  static void Abandon(Connection& connection) {
    connection.parser.reset();
    connection.rest.reset();
  }

  // Leaves in `text` what can be parsed only together with the bytes after it.
  void Parse(Connection& connection, absl::string_view& text, FoundResponses& found) const {
    while (connection.parser && !text.empty()) {
      error_code error;
      text.remove_prefix(connection.parser->put({text.data(), text.size()}, error));
      if (error == http::error::need_more && text.size() <= kMostHeaderBytes) return;
      if (error) {
        found.bad = true;
        Abandon(connection);
      } else if (connection.parser->is_done()) {
        CountEnd(connection, found);
      }
    }
    text = {};
  }

  void CountEnd(Connection& connection, FoundResponses& found) const {
    const uint32_t status = connection.parser->status();
    if (status >= 200) {  // else the response is still to come
      ++found.ended;
      ++found.by_status[std::min(status / 100, 5u) - 1];
      found.closes = !connection.parser->keep_alive();
    }
    if (found.closes) {
      Abandon(connection);
    } else {
      connection.parser.emplace(without_bodies_);
    }
  }

  const bool without_bodies_;
  std::vector<Connection> connections_;  // by slot
};

}  // namespace

std::unique_ptr<ResponseFramer> NewHttpFramer(bool without_bodies, size_t slots) {
  return std::make_unique<HttpFramer>(without_bodies, slots);
}

}  // namespace tcpfleet::agent
