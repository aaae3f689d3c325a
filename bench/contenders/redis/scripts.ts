/** The same as those of Hapax. */
export const leaseMs = 30_000
export const windowMs = 86_400_000

/** KEYS[1] record. ARGV owner, what says that it is done, window ms. Answers 1, or 0 when somebody else holds it. */
export const completeScript = `
local held = redis.call('GET', KEYS[1])
if held and held ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1`
