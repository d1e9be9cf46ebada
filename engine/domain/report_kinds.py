"""What a venue's order desk says and is told beyond the kernels' ``kinds``; these numbers go on
where those end. They are stored in journals and logs: never renumber.
"""

from typing import Final

# message (desk -> venue), after NEW and CANCEL
REPLACE: Final = 3  # quantity and price are what the order shall have from now on

# reports (venue -> desk), after EXPIRED
PENDING_CANCEL: Final = 7  # the venue has the cancel and thinks about it
PENDING_REPLACE: Final = 8
REPLACED: Final = 9  # price, quantity: of the order from now on
REPLACE_REJECTED: Final = 10
DONE_FOR_DAY: Final = 11  # leaves > 0: it works again tomorrow
RESTATED: Final = 12  # the venue itself changed it; price, quantity: of the order from now on
STATUS: Final = 13  # an answer to a question: the order is known, nothing has changed
STOPPED: Final = 14  # the venue guarantees a price
BUSTED: Final = 15  # the fill ``ref`` never was
CORRECTED: Final = 16  # the fill ``ref`` was for price, sub and quantity of this report

# reasons, after REASON_MINIMUM
REASON_UNSOLICITED: Final = 18  # the venue ended or changed it on its own account
REASON_PENDING: Final = 19  # another request of the same order is under way (FIX 102=3)
REASON_REQUEUED: Final = 20  # replaced by cancel and new: its place in the queue is lost
REASON_DRILL: Final = 21  # a person asked the simulated exchange for it

# what can befall an order at the simulated exchange: ``kind`` of an incident, after ``kinds``
TROUBLE_BUST: Final = 20
TROUBLE_CORRECT: Final = 21
TROUBLE_RESTATE: Final = 22
TROUBLE_CANCEL: Final = 23
TROUBLE_DONE: Final = 24
TROUBLE_DUPLICATE: Final = 25
TROUBLE_OUT_OF_ORDER: Final = 26
TROUBLE_LATE_FILL: Final = 27
TROUBLE_OVER_FILL: Final = 28
TROUBLE_STRAY: Final = 29
TROUBLE_REJECT_CANCEL: Final = 30
TROUBLE_REJECT_REPLACE: Final = 31
TROUBLE_SLOW: Final = 32
TROUBLE_STOPPED: Final = 33
TROUBLE_STATUS: Final = 34
TROUBLES: Final = range(TROUBLE_BUST, TROUBLE_STATUS + 1)
