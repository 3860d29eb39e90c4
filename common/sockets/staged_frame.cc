#include "common/sockets/staged_frame.h"

#include <absl/container/flat_hash_set.h>
#include <absl/strings/str_cat.h>

#include <bit>
#include <memory>
#include <optional>

#include "common/base/status_macros.h"
#include "common/sockets/frame_encoder.h"
#include "common/sockets/wire_reader.h"

namespace tcpfleet::sockets {
namespace {

// Of a message that describes one row; what protobuf makes of it takes at most some 40 times that.
constexpr size_t kMostRowMessageBytes = size_t{128} << 10;

template <class... Parts>
absl::Status Bad(const Parts&... parts) {
  return absl::DataLossError(absl::StrCat("connection frame: ", parts...));
}

absl::StatusOr<base::Endpoint> ReadEndpoint(const std::string& address, uint32_t port) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(address.data());
  const absl::StatusOr<base::IpAddress> ip =
      base::IpAddress::FromBytes(absl::MakeConstSpan(bytes, address.size()));
  if (!ip.ok()) return Bad(ip.status().message());
  if (port > UINT16_MAX) return Bad("port ", port, " is above 65535");
  return base::Endpoint{*ip, static_cast<uint16_t>(port)};
}

absl::StatusOr<ConnectionIdentity> ReadIdentity(const v1::ConnectionOpen& open) {
  ConnectionIdentity identity;
  identity.cookie = open.cookie();
  identity.network_namespace = open.network_namespace();
  TF_ASSIGN_OR_RETURN(identity.local, ReadEndpoint(open.local_address(), open.local_port()));
  TF_ASSIGN_OR_RETURN(identity.remote, ReadEndpoint(open.remote_address(), open.remote_port()));
  identity.interface = open.interface();
  if (open.has_uid()) identity.uid = open.uid();
  identity.inode = open.inode();
  if (open.has_pid()) {
    identity.process = std::make_shared<const Process>(
        Process{open.pid(), open.process_start_ticks(), open.comm(), open.command_line()});
  }
  if (!open.cgroup().empty()) identity.cgroup = std::make_shared<const std::string>(open.cgroup());
  if (open.has_cgroup_id()) identity.cgroup_id = open.cgroup_id();
  identity.congestion_control = open.congestion_control();
  return identity;
}

class Stager {
 public:
  explicit Stager(const std::function<bool(uint32_t)>& exists) : exists_before_(exists) {}

  absl::StatusOr<StagedFrame> Stage(absl::string_view rows);

 private:
  // The messages may come in any order, so columns and tails wait until every row is known.
  absl::Status ReadClose(absl::string_view bytes);
  absl::Status ReadOpen(absl::string_view bytes);
  absl::Status ReadTail(absl::string_view bytes);
  absl::Status ReadChanged();
  absl::Status ReadColumn(absl::string_view bytes);
  absl::Status CheckBitmaps(const StagedFrame::Column& column) const;
  bool Exists(uint32_t row) const {
    return opened_.contains(row) || (exists_before_(row) && !closed_.contains(row));
  }

  const std::function<bool(uint32_t)>& exists_before_;
  StagedFrame frame_;
  absl::flat_hash_set<uint32_t> closed_;
  absl::flat_hash_set<uint32_t> opened_;
  absl::string_view changed_row_deltas_;
  FieldMask seen_columns_;
  // Cleared and parsed into again and again.
  v1::ConnectionClose close_;
  v1::ConnectionOpen open_;
  v1::TcpInfoTail tail_;
};

template <class Message>
absl::Status ParseRowMessage(absl::string_view bytes, Message& message) {
  if (bytes.size() > kMostRowMessageBytes) {
    return Bad("a message of ", bytes.size(), " bytes for one row; at most ", kMostRowMessageBytes);
  }
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return Bad("not a ", message.GetTypeName());
  }
  if (message.row() >= kMostRows) return Bad("row ", message.row(), " is beyond ", kMostRows);
  return absl::OkStatus();
}

absl::StatusOr<StagedFrame> Stager::Stage(absl::string_view rows) {
  using Rows = v1::ConnectionRows;
  std::vector<absl::string_view> opens;
  std::vector<absl::string_view> columns;
  WireReader reader(rows);
  while (const std::optional<WireReader::Record> record = reader.Next()) {
    if (!record->has_bytes) continue;
    if (record->field == Rows::kClosedFieldNumber) {
      TF_RETURN_IF_ERROR(ReadClose(record->bytes));
    } else if (record->field == Rows::kOpenedFieldNumber) {
      if (opens.size() == kMostRows) return Bad("opens more than ", kMostRows, " rows");
      opens.push_back(record->bytes);
    } else if (record->field == Rows::kChangedRowDeltasFieldNumber) {
      if (!changed_row_deltas_.empty()) return Bad("changed rows come twice");
      changed_row_deltas_ = record->bytes;
    } else if (record->field == Rows::kColumnsFieldNumber) {
      if (columns.size() == kMostRows) return Bad("more than ", kMostRows, " columns");
      columns.push_back(record->bytes);
    } else if (record->field == Rows::kTailsFieldNumber) {
      TF_RETURN_IF_ERROR(ReadTail(record->bytes));
    }
  }
  if (!reader.ok()) return Bad("rows are not a whole ConnectionRows message");
  for (const absl::string_view open : opens) TF_RETURN_IF_ERROR(ReadOpen(open));
  TF_RETURN_IF_ERROR(ReadChanged());
  for (const absl::string_view column : columns) TF_RETURN_IF_ERROR(ReadColumn(column));
  for (const auto& [row, tail] : frame_.tails) {
    if (!Exists(row)) return Bad("a tcp_info tail for row ", row, ", which does not exist");
  }
  return std::move(frame_);
}

absl::Status Stager::ReadClose(absl::string_view bytes) {
  TF_RETURN_IF_ERROR(ParseRowMessage(bytes, close_));
  const uint32_t row = close_.row();
  if (!exists_before_(row)) return Bad("closes row ", row, ", which does not exist");
  if (!closed_.insert(row).second) return Bad("closes row ", row, " twice");
  if (close_.field_ids_size() != close_.values_size()) {
    return Bad("closes row ", row, " with ", close_.field_ids_size(), " fields and ",
               close_.values_size(), " values");
  }
  StagedFrame::Close& staged = frame_.closed.emplace_back();
  staged.row = row;
  staged.reason = close_.reason();
  for (int i = 0; i < close_.field_ids_size(); ++i) {
    const FieldInfo* info = FindField(close_.field_ids(i));
    if (info != nullptr) staged.last.Set(info->field, close_.values(i));
  }
  return absl::OkStatus();
}

absl::Status Stager::ReadOpen(absl::string_view bytes) {
  TF_RETURN_IF_ERROR(ParseRowMessage(bytes, open_));
  if (Exists(open_.row())) return Bad("opens row ", open_.row(), ", which exists");
  TF_ASSIGN_OR_RETURN(ConnectionIdentity identity, ReadIdentity(open_));
  opened_.insert(open_.row());
  frame_.opened.emplace_back(open_.row(), std::move(identity));
  return absl::OkStatus();
}

absl::Status Stager::ReadTail(absl::string_view bytes) {
  if (frame_.tails.size() == kMostRows) return Bad("more than ", kMostRows, " tcp_info tails");
  TF_RETURN_IF_ERROR(ParseRowMessage(bytes, tail_));
  frame_.tails.emplace_back(tail_.row(), std::move(*tail_.mutable_tail()));
  return absl::OkStatus();
}

absl::Status Stager::ReadChanged() {
  absl::string_view rest = changed_row_deltas_;
  uint64_t row = 0;
  while (!rest.empty()) {
    const std::optional<uint64_t> delta = TakeVarint(rest);
    if (!delta) return Bad("changed rows end in the middle of a number");
    if (*delta >= kMostRows || row + *delta >= kMostRows) {
      return Bad("changed row beyond ", kMostRows);
    }
    if (*delta == 0 && !frame_.changed.empty()) return Bad("changed row ", row, " comes twice");
    row += *delta;
    if (!Exists(static_cast<uint32_t>(row))) {
      return Bad("changes row ", row, ", which does not exist");
    }
    frame_.changed.push_back(static_cast<uint32_t>(row));
  }
  return absl::OkStatus();
}

absl::Status Stager::ReadColumn(absl::string_view bytes) {
  using Column = v1::Column;
  StagedFrame::Column column{};
  uint64_t field_id = 0;
  WireReader reader(bytes);
  while (const std::optional<WireReader::Record> record = reader.Next()) {
    if (record->field == Column::kFieldIdFieldNumber && !record->has_bytes) {
      field_id = record->number;
    } else if (record->field == Column::kPresentFieldNumber) {
      column.present = record->bytes;
    } else if (record->field == Column::kDeltasFieldNumber) {
      if (!column.deltas.empty() || !record->has_bytes) return Bad("deltas are not packed");
      column.deltas = record->bytes;
    } else if (record->field == Column::kAbsentFieldNumber) {
      column.absent = record->bytes;
    }
  }
  if (!reader.ok()) return Bad("not a whole column");
  const FieldInfo* info =
      field_id < kFieldSlots ? FindField(static_cast<uint32_t>(field_id)) : nullptr;
  if (info == nullptr) return absl::OkStatus();  // of a newer version
  if (seen_columns_[SlotOf(info->field)]) return Bad("column ", info->name, " comes twice");
  seen_columns_.set(SlotOf(info->field));
  column.field = info->field;
  if (absl::Status status = CheckBitmaps(column); !status.ok()) {
    return Bad("column ", info->name, ": ", status.message());
  }
  frame_.columns.push_back(column);
  return absl::OkStatus();
}

absl::Status Stager::CheckBitmaps(const StagedFrame::Column& column) const {
  const size_t rows = frame_.changed.size();
  const size_t size = (rows + 7) / 8;
  if (column.present.size() != size || (!column.absent.empty() && column.absent.size() != size)) {
    return absl::DataLossError(absl::StrCat("bitmaps of ", column.present.size(), " and ",
                                            column.absent.size(), " bytes for ", rows, " rows"));
  }
  size_t values = 0;
  for (size_t i = 0; i < size; ++i) {
    const auto present = static_cast<uint8_t>(column.present[i]);
    const auto absent = static_cast<uint8_t>(column.absent.empty() ? 0 : column.absent[i]);
    const unsigned beyond = i + 1 == size && rows % 8 != 0 ? 0xffu << (rows % 8) : 0u;
    if (((present | absent) & beyond) != 0) return absl::DataLossError("bits beyond the last row");
    if ((present & absent) != 0) return absl::DataLossError("a value both present and absent");
    values += static_cast<size_t>(std::popcount(present));
  }
  const std::optional<size_t> deltas = CountVarints(column.deltas);
  if (!deltas) return absl::DataLossError("deltas end in the middle of a number");
  if (*deltas != values) {
    return absl::DataLossError(absl::StrCat(*deltas, " deltas for ", values, " present values"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<StagedFrame> StageFrame(absl::string_view rows,
                                       const std::function<bool(uint32_t)>& exists) {
  return Stager(exists).Stage(rows);
}

}  // namespace tcpfleet::sockets
