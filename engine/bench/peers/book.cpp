// The C++ twin of engine/kernels/book.py: the same layout and the same steps, for parity of speed.
//
//   book STREAM TICKS CAPACITY IDS FILLS OUT
//
// STREAM: MESSAGE records as the loader made them (dense ids, prices as levels), 16 bytes each.
// Each line on stdin asks for one run on a fresh book, answered by "<ns> <fills> <live>" on
// stdout, so that the caller can interleave peers. At the end of stdin the tape of the last run
// (FILL records) and its final book (RESTING records) go to OUT.

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

using u32 = std::uint32_t;
using u64 = std::uint64_t;
using i32 = std::int32_t;
using i64 = std::int64_t;

struct Node {
    u32 next, previous;
    i64 quantity;
    i64 tag;
    u32 level;
    i32 side;
};
struct Fill {
    i64 maker, taker, quantity, price, left, slot;
};
struct Resting {
    i64 level, side, tag, quantity;
};
struct Message {
    i32 kind, price, quantity, id;
};
static_assert(sizeof(Node) == 32 && sizeof(Fill) == 48 && sizeof(Message) == 16);

struct Book {
    std::vector<Node> store;
    std::vector<u64> words;
    Node* nodes = nullptr;
    u64* bits = nullptr;
    u64 bid = 0, ask = 0, free = 0, second = 0, third = 0, end = 0;
    i64 live = 0;

    Book(Book&&) = default;
    Book& operator=(Book&&) = default;  // the vectors keep their buffers, the pointers stay right

    Book(u64 ticks, u64 capacity) : store(ticks + 2 + capacity) {
        const u64 levels = ticks + 2;
        for (u64 i = 0; i < levels; ++i) {
            store[i].next = store[i].previous = store[i].level = static_cast<u32>(i);
        }
        for (u64 i = levels; i + 1 < store.size(); ++i) store[i].next = static_cast<u32>(i + 1);
        second = (levels + 63) / 64;
        third = second + (second + 63) / 64;
        words.resize(third + (third - second + 63) / 64);
        nodes = store.data();
        bits = words.data();
        ask = end = levels - 1;
        free = levels;
        set(0);
        set(end);
    }

    void set(u64 level) {
        const u64 word = level >> 6, page = word >> 6;
        bits[word] |= u64{1} << (level & 63);
        bits[second + page] |= u64{1} << (word & 63);
        bits[third + (page >> 6)] |= u64{1} << (page & 63);
    }

    void clear(u64 level) {
        const u64 word = level >> 6;
        bits[word] &= ~(u64{1} << (level & 63));
        if (bits[word] != 0) return;
        const u64 page = word >> 6;
        bits[second + page] &= ~(u64{1} << (word & 63));
        if (bits[second + page] == 0) bits[third + (page >> 6)] &= ~(u64{1} << (page & 63));
    }

    static u64 high(u64 x) { return 63 - static_cast<u64>(__builtin_clzll(x)); }
    static u64 low(u64 x) { return static_cast<u64>(__builtin_ctzll(x)); }

    u64 below(u64 level) const {
        u64 word = level >> 6;
        u64 x = bits[word] & ((u64{1} << (level & 63)) - 1);
        if (x != 0) return (word << 6) | high(x);
        u64 page = word >> 6;
        x = bits[second + page] & ((u64{1} << (word & 63)) - 1);
        if (x == 0) {
            u64 sheet = page >> 6;
            x = bits[third + sheet] & ((u64{1} << (page & 63)) - 1);
            while (x == 0) x = bits[third + --sheet];
            page = (sheet << 6) | high(x);
            x = bits[second + page];
        }
        word = (page << 6) | high(x);
        return (word << 6) | high(bits[word]);
    }

    u64 above(u64 level) const {
        u64 word = level >> 6;
        u64 x = bits[word] & ((~u64{0} << (level & 63)) << 1);
        if (x != 0) return (word << 6) | low(x);
        u64 page = word >> 6;
        x = bits[second + page] & ((~u64{0} << (word & 63)) << 1);
        if (x == 0) {
            u64 sheet = page >> 6;
            x = bits[third + sheet] & ((~u64{0} << (page & 63)) << 1);
            while (x == 0) x = bits[third + ++sheet];
            page = (sheet << 6) | low(x);
            x = bits[second + page];
        }
        word = (page << 6) | low(x);
        return (word << 6) | low(bits[word]);
    }

    void emptied(u64 level) {
        clear(level);
        if (level == bid) {
            bid = below(level);
        } else if (level == ask) {
            ask = above(level);
        }
    }

    u64 rest(int side, u64 level, i64 quantity, i64 tag) {
        const u64 slot = free;
        if (slot == 0) std::abort();  // the caller gives a slot to every order of the stream
        Node& order = nodes[slot];
        Node& queue = nodes[level];
        free = order.next;
        live += 1;
        const u64 newest = queue.previous;
        order = Node{static_cast<u32>(level), static_cast<u32>(newest), quantity, tag,
                     static_cast<u32>(level), side};
        nodes[newest].next = static_cast<u32>(slot);
        queue.previous = static_cast<u32>(slot);
        queue.quantity += quantity;
        queue.tag += 1;
        if (newest == level) {
            set(level);
            if (side > 0) {
                bid = bid > level ? bid : level;
            } else {
                ask = ask < level ? ask : level;
            }
        }
        return slot;
    }

    i64 take_level(u64 level, i64 quantity, i64 tag, Fill* fills, u64& n) {
        Node& queue = nodes[level];
        i64 left = quantity;
        u64 slot = queue.next;
        while (left > 0 && slot != level) {
            Node& order = nodes[slot];
            const i64 traded = left < order.quantity ? left : order.quantity;
            const i64 rests = order.quantity - traded;
            left -= traded;
            fills[n++] = Fill{order.tag, tag, traded, static_cast<i64>(level), rests,
                              static_cast<i64>(slot)};
            order.quantity = rests;
            if (rests > 0) break;
            const u64 behind = order.next;
            order.next = static_cast<u32>(free);
            free = slot;
            live -= 1;
            queue.tag -= 1;
            slot = behind;
        }
        queue.next = static_cast<u32>(slot);
        nodes[slot].previous = static_cast<u32>(level);
        queue.quantity -= quantity - left;
        return left;
    }

    u64 add(int side, u64 level, i64 quantity, i64 tag, Fill* fills, u64& n) {
        i64 left = quantity;
        while (left > 0) {
            const u64 best = side > 0 ? ask : bid;
            if (side > 0 ? (best > level || best == end) : (best < level || best == 0)) break;
            left = take_level(best, left, tag, fills, n);
            if (nodes[best].next == best) emptied(best);
        }
        return left == 0 ? 0 : rest(side, level, left, tag);
    }

    void remove(u64 slot) {
        Node& order = nodes[slot];
        const u64 behind = order.next, ahead = order.previous, level = order.level;
        nodes[behind].previous = static_cast<u32>(ahead);
        nodes[ahead].next = static_cast<u32>(behind);
        nodes[level].quantity -= order.quantity;
        nodes[level].tag -= 1;
        order.quantity = 0;
        order.next = static_cast<u32>(free);
        free = slot;
        live -= 1;
        if (behind == ahead) emptied(level);
    }

    void reduce(u64 slot, i64 quantity) {
        Node& order = nodes[slot];
        if (order.quantity <= quantity) {
            remove(slot);
            return;
        }
        order.quantity -= quantity;
        nodes[order.level].quantity -= quantity;
    }
};

static u64 play(Book& book, const Message* messages, std::size_t count, u32* slots, Fill* fills) {
    u64 n = 0;
    for (std::size_t i = 0; i < count; ++i) {
        const Message& message = messages[i];
        const int kind = message.kind & 255;
        const i64 id = message.id;
        if (kind == 0) {
            const int side = 1 - 2 * (message.kind >> 8);
            slots[id] = static_cast<u32>(book.add(side, static_cast<u64>(message.price),
                                                  message.quantity, id, fills, n));
            continue;
        }
        const u64 slot = slots[id];
        if (slot == 0 || book.nodes[slot].quantity == 0 || book.nodes[slot].tag != id) continue;
        if (kind == 1) {
            book.remove(slot);
        } else {
            book.reduce(slot, message.quantity);
        }
    }
    return n;
}

static bool write_out(const char* path, const std::vector<Fill>& fills, u64 n, const Book& book) {
    std::FILE* out = std::fopen(path, "wb");
    if (out == nullptr) return false;
    bool written = std::fwrite(fills.data(), sizeof(Fill), n, out) == n;
    for (u64 level = book.above(0); level != book.end; level = book.above(level)) {
        for (u64 slot = book.nodes[level].next; slot != level; slot = book.nodes[slot].next) {
            const Node& order = book.nodes[slot];
            const Resting row{static_cast<i64>(level), order.side, order.tag, order.quantity};
            written = std::fwrite(&row, sizeof row, 1, out) == 1 && written;
        }
    }
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
    const u64 ticks = std::strtoull(argv[2], nullptr, 10);
    const u64 capacity = std::strtoull(argv[3], nullptr, 10);
    std::vector<u32> slots(std::strtoull(argv[4], nullptr, 10));
    std::vector<Fill> fills(std::strtoull(argv[5], nullptr, 10));
    Book book(ticks, capacity);
    u64 n = 0;
    for (int c; (c = std::getchar()) != EOF;) {
        if (c != '\n') continue;
        book = Book(ticks, capacity);
        std::memset(slots.data(), 0, slots.size() * sizeof(u32));
        const auto start = std::chrono::steady_clock::now();
        n = play(book, messages.data(), messages.size(), slots.data(), fills.data());
        const auto stop = std::chrono::steady_clock::now();
        const auto ns = std::chrono::duration_cast<std::chrono::nanoseconds>(stop - start).count();
        std::printf("%lld %llu %lld\n", static_cast<long long>(ns),
                    static_cast<unsigned long long>(n), static_cast<long long>(book.live));
        std::fflush(stdout);
    }
    return write_out(argv[6], fills, n, book) ? 0 : 2;
}
