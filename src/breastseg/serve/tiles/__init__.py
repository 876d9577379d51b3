"""Deep zoom from the files themselves, and the room that decoding takes."""
