import { OAuthError, OAuthErrorCode, type OAuthTokenVerifier } from '@modelcontextprotocol/server'

/** The SDK wants an end of every token (s since the epoch). Ours end with their attempt: so each look gives it another hour. */
const HOUR_S = 3_600

/** Tokens of agents as the SDK's bearer authentication asks for them. */
export function createVerifier(knows: (token: string) => boolean): OAuthTokenVerifier {
  return {
    async verifyAccessToken(token) {
      if (!knows(token)) throw new OAuthError(OAuthErrorCode.InvalidToken, 'not a token of an agent')
      const expiresAt = Math.floor(Date.now() / 1_000) + HOUR_S
      return { token, clientId: token.slice(0, token.lastIndexOf('.')), scopes: [], expiresAt }
    },
  }
}
