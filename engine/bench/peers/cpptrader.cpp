// CppTrader's MarketManager on a stream of ours; built against a checkout of CppTrader, none of
// which is here. https://github.com/chronoxor/CppTrader
//
//   cpptrader STREAM TICKS CAPACITY IDS FILLS OUT
//
// The protocol is that of book.cpp: each line on stdin asks for one run on a fresh market,
// answered by "<ns> <fills> <live>"; at the end of stdin tape and final book go to OUT. CppTrader
// takes no order with the id 0, so ids are sent one higher. It reports an execution twice, first
// for the resting order, then for the incoming one: together they are one fill.

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

#include "trader/matching/market_manager.h"

using namespace CppTrader::Matching;
using i64 = std::int64_t;
using u64 = std::uint64_t;

struct Fill {
    i64 maker, taker, quantity, price, left, slot;
};
struct Resting {
    i64 level, side, tag, quantity;
};
struct Message {
    std::int32_t kind, price, quantity, id;
};
static_assert(sizeof(Fill) == 48 && sizeof(Resting) == 32 && sizeof(Message) == 16);

class Tape : public MarketHandler {
public:
    explicit Tape(std::vector<Fill>& fills) : fills_(fills) {}
    u64 size() const { return count_; }

protected:
    void onExecuteOrder(const Order& order, u64 price, u64 quantity) override {
        const i64 id = static_cast<i64>(order.Id) - 1;
        if (!resting_) {
            fills_[count_++].taker = id;
        } else {
            if (count_ == fills_.size()) std::abort();  // more fills than our book has
            Fill& fill = fills_[count_];
            fill.maker = id;
            fill.quantity = static_cast<i64>(quantity);
            fill.price = static_cast<i64>(price);
        }
        resting_ = !resting_;
    }

private:
    std::vector<Fill>& fills_;
    u64 count_ = 0;
    bool resting_ = true;  // the next report is of the resting order
};

struct Market {
    Tape tape;
    MarketManager manager;

    explicit Market(std::vector<Fill>& fills) : tape(fills), manager(tape) {
        const char name[8] = {'S', 'T', 'R', 'E', 'A', 'M', ' ', ' '};
        const Symbol symbol(0, name);
        manager.AddSymbol(symbol);
        manager.AddOrderBook(symbol);
        manager.EnableMatching();
    }
};

static void play(MarketManager& manager, const std::vector<Message>& messages) {
    for (const Message& message : messages) {
        const u64 id = static_cast<u64>(message.id) + 1;
        switch (message.kind & 255) {
            case 0:
                manager.AddOrder(Order::Limit(id, 0,
                                              (message.kind >> 8) == 0 ? OrderSide::BUY : OrderSide::SELL,
                                              static_cast<u64>(message.price),
                                              static_cast<u64>(message.quantity)));
                break;
            case 1:
                manager.DeleteOrder(id);
                break;
            default:
                manager.ReduceOrder(id, static_cast<u64>(message.quantity));
        }
    }
}

template <class Levels>
static bool write_side(std::FILE* out, const Levels& levels, i64 side) {
    bool written = true;
    for (const auto& level : levels) {
        for (const auto& order : level.OrderList) {
            const Resting row{static_cast<i64>(level.Price), side, static_cast<i64>(order.Id) - 1,
                              static_cast<i64>(order.LeavesQuantity)};
            written = std::fwrite(&row, sizeof row, 1, out) == 1 && written;
        }
    }
    return written;
}

static bool write_out(const char* path, const std::vector<Fill>& fills, Market& market) {
    std::FILE* out = std::fopen(path, "wb");
    if (out == nullptr) return false;
    const u64 n = market.tape.size();
    bool written = std::fwrite(fills.data(), sizeof(Fill), n, out) == n;
    const OrderBook* book = market.manager.GetOrderBook(0);
    written = write_side(out, book->bids(), 1) && written;  // lowest first: every bid is lower
    written = write_side(out, book->asks(), -1) && written;
    return std::fclose(out) == 0 && written;
}

static std::vector<Message> read_stream(const char* path) {
    std::vector<Message> messages;
    std::FILE* file = std::fopen(path, "rb");
    if (file == nullptr) return messages;
    Message buffer[4096];
    for (std::size_t got; (got = std::fread(buffer, sizeof(Message), 4096, file)) > 0;) {
        messages.insert(messages.end(), buffer, buffer + got);
    }
    std::fclose(file);
    return messages;
}

int main(int argc, char** argv) {
    if (argc != 7) return 2;
    const std::vector<Message> messages = read_stream(argv[1]);
    std::vector<Fill> fills(std::strtoull(argv[5], nullptr, 10));
    auto market = std::make_unique<Market>(fills);
    for (int c; (c = std::getchar()) != EOF;) {
        if (c != '\n') continue;
        market = std::make_unique<Market>(fills);
        const auto start = std::chrono::steady_clock::now();
        play(market->manager, messages);
        const auto stop = std::chrono::steady_clock::now();
        const auto ns = std::chrono::duration_cast<std::chrono::nanoseconds>(stop - start).count();
        std::printf("%lld %llu 0\n", static_cast<long long>(ns),
                    static_cast<unsigned long long>(market->tape.size()));
        std::fflush(stdout);
    }
    return write_out(argv[6], fills, *market) ? 0 : 2;
}
